"""Lines of a résumé as people write them: posts, units and titles, months."""

from __future__ import annotations

import pytest

from minqing.archives.importing.resume import read_month, read_resume, split_post


@pytest.mark.parametrize(
    "line",
    [
        "2015.10--2020.03  坪上镇副镇长", "2015.10—2020.03 坪上镇副镇长", "2015.10——2020.03坪上镇副镇长", "2015.10～2020.03　坪上镇副镇长",
        "2015.10至2020.03 坪上镇副镇长", "2015年10月-2020年3月 坪上镇副镇长", "２０１５．１０－－２０２０．０３　坪上镇副镇长", "201510--202003 坪上镇副镇长",
        "2015-10 -- 2020-03：坪上镇副镇长", "2015/10 - 2020/03 坪上镇副镇长",
    ],
)  # fmt: skip
def test_a_resume_is_read_as_people_write_it(line):
    (post,) = read_resume(line).posts
    assert (post.unit_name, post.title, post.from_month, post.to_month) == (
        "坪上镇",
        "副镇长",
        "201510",
        "202003",
    )


@pytest.mark.parametrize(
    "line",
    [
        "2015.10--  坪上镇镇长",
        "2015.10--坪上镇镇长",
        "2015.10至今 坪上镇镇长",
        "2015.10—今坪上镇镇长",
    ],
)
def test_a_post_of_today_has_no_end(line):
    (post,) = read_resume(line).posts
    assert (post.from_month, post.to_month, post.title) == ("201510", "", "镇长")


@pytest.mark.parametrize(
    "line",
    [
        "坪上镇镇长",
        "2020.03--2015.10 坪上镇镇长",
        "2015.10--2020.03",
        "2015.13--2020.03 坪上镇镇长",
    ],
)
def test_a_line_that_is_not_understood_is_said(line):
    read = read_resume(line)
    assert (read.posts, read.not_understood) == ((), (0,))


@pytest.mark.parametrize(
    ("text", "unit", "title"),
    [
        ("新邵县坪上镇党委书记", "新邵县坪上镇", "党委书记"),
        ("邵阳市委组织部副部长", "邵阳市委组织部", "副部长"),
        ("新邵县委副书记、县长", "新邵县委", "副书记、县长"),
        ("新邵县交通运输局党组书记、局长", "新邵县交通运输局", "党组书记、局长"),
        ("小塘镇党委委员、副镇长（兼）", "小塘镇", "党委委员、副镇长（兼）"),
        ("桃花坪街道党工委书记", "桃花坪街道", "党工委书记"),
        ("某某岗位", "", "某某岗位"),
    ],
)
def test_unit_and_title_are_told_apart(text, unit, title):
    post = split_post(text)
    assert (post.unit_name, post.title) == (unit, title)


@pytest.mark.parametrize(
    ("text", "month"),
    [("199001", "199001"), ("19900115", "199001"), ("1990.01", "199001"), ("2004.10.24", "200410"), ("1990年1月", "199001"),
     ("199013", ""), ("19900140", ""), ("x", ""), ("", ""), ("0990.01", "")],
)  # fmt: skip
def test_months_are_read_in_every_form(text, month):
    assert read_month(text) == month
