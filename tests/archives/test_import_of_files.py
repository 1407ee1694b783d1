"""Files that units really have, and files that somebody wants us to have."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from minqing.accounts.models import Role
from minqing.archives import errors, selectors
from minqing.archives.importing import ImportFile, Outcome, lrmx, official_import
from minqing.archives.importing.fields import FIELDS, Treatment
from minqing.archives.models import Official, Post
from tenants.current import unit_set
from tests.support.archives import staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_county")]
RESUME = """1999.09--2002.07  演示学院行政管理专业学习
2002.07--2015.10  坪上镇工作人员
（其间：2008.09--2011.07  演示大学法学专业学习）
2015.10--         坪上镇党委副书记、镇长"""


def sheet(**tags: str | None) -> bytes:
    """Write a 任免审批表 with these tags; a tag given as None is left out."""
    values: dict[str, str | None] = {
        "XingMing": "王　示　例",
        "ChuShengNianYue": "1980.03",
        "XianRenZhiWu": "坪上镇党委副书记、镇长",
        "JianLi": RESUME,
        **tags,
    }
    inside = "\n".join(
        f"  <{tag}>{text}</{tag}>" for tag, text in values.items() if text is not None
    )
    return f'<?xml version="1.0" encoding="utf-8"?>\n<Person>\n{inside}\n</Person>\n'.encode()


@pytest.fixture
def clerk(in_county):
    return staff("clerk", Role.CLERK)


def take(clerk, *octets: bytes, apply: bool = True):
    files = [
        ImportFile(name=f"{number}.lrmx", octets=given)
        for number, given in enumerate(octets, start=1)
    ]
    return official_import(by=clerk, files=files, apply=apply)


def the_one(report):
    assert len(report.files) == 1
    return report.files[0]


def outcomes(report, tag: str) -> list[tuple[str, int]]:
    return [
        (finding.outcome.value, finding.line)
        for finding in the_one(report).findings
        if finding.field == tag
    ]


def test_a_file_becomes_an_official_with_posts(clerk):
    report = take(clerk, b"\xef\xbb\xbf" + sheet())
    assert the_one(report).action == "new"
    official = Official.objects.get()
    assert (official.name, official.birth_month) == ("王示例", "198003")
    posts = [
        (post.unit_name, post.title, post.from_month, post.to_month, post.is_public)
        for post in official.posts.all()
    ]
    assert posts == [
        ("坪上镇", "党委副书记、镇长", "201510", "", True),
        ("坪上镇", "工作人员", "200207", "201510", False),
    ]
    assert outcomes(report, "XingMing") == [("changed", 3)]
    assert outcomes(report, "JianLi") == [
        ("changed", 7),
        ("changed", 9),
        ("dropped", 6),
        ("dropped", 8),
    ]


def test_a_dry_run_says_the_same_and_writes_nothing(clerk):
    dry = take(clerk, sheet(), apply=False)
    assert not Official.objects.exists()
    assert not dry.applied
    assert the_one(dry).official_id is None
    real = take(clerk, sheet())
    assert the_one(real).findings == the_one(dry).findings
    assert the_one(real).official_id == Official.objects.get().public_id


def test_importing_again_changes_nothing(clerk):
    take(clerk, sheet())
    before = list(Official.objects.values()), list(Post.objects.values())
    report = take(clerk, sheet())
    assert the_one(report).action == "unchanged"
    assert (list(Official.objects.values()), list(Post.objects.values())) == before


def test_one_person_in_two_files_of_one_import_is_one_official(clerk):
    report = take(clerk, sheet(), sheet())
    assert [file.action for file in report.files] == ["new", "unchanged"]
    assert Official.objects.count() == 1


def test_a_newer_file_ends_a_post_and_adds_the_next(clerk):
    take(clerk, sheet())
    newer = RESUME.replace("2015.10--  ", "2015.10--2026.05  ") + "\n2026.05--  小塘镇党委书记"
    report = take(clerk, sheet(JianLi=newer, XianRenZhiWu="小塘镇党委书记"))
    assert the_one(report).action == "update"
    assert [
        (post.unit_name, post.to_month)
        for post in Post.objects.filter(is_public=True).order_by("from_month")
    ] == [
        ("坪上镇", "202605"),
        ("小塘镇", ""),
    ]


def test_sensitive_fields_reach_neither_table_nor_report_nor_log(clerk, caplog):
    left_out = {
        tag: field
        for tag, field in FIELDS.items()
        if field.treatment is not Treatment.TAKE and tag != "JiaTingChengYuan"
    }
    secrets = {tag: f"密{number:03d}值" for number, tag in enumerate(left_out)}
    family = "<Item><ChengWei>妻子</ChengWei><XingMing>密家人名</XingMing><GongZuoDanWeiJiZhiWu>密家人单位</GongZuoDanWeiJiZhiWu></Item>"
    report = take(clerk, sheet(**secrets, JiaTingChengYuan=family, WeiZhiBiaoJi="密未知项"))
    assert the_one(report).action == "new"
    hidden = [*secrets.values(), "密家人名", "密家人单位", "密未知项"]
    dump = "\n".join(_dump())
    assert "王示例" in dump
    for secret in hidden:
        assert secret not in dump
        assert secret.encode().hex() not in dump
        assert secret not in repr(report)
        assert secret not in caplog.text
    dropped = {
        finding.field for finding in the_one(report).findings if finding.outcome == Outcome.DROPPED
    }
    assert dropped >= {*left_out, "JiaTingChengYuan", "WeiZhiBiaoJi"}
    assert {
        finding.detail for finding in the_one(report).findings if finding.field == "ShenFenZheng"
    } == {""}


def _dump() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
        tables = cursor.fetchall()
        rows: list[str] = []
        for schema, table in tables:
            cursor.execute(f'SELECT t::text FROM "{schema}"."{table}" AS t')
            rows.extend(row for (row,) in cursor.fetchall())
    return rows


def test_the_birth_month_never_becomes_public(clerk):
    take(clerk, sheet())
    assert selectors.desk_officials(clerk)[0].birth_month == "198003"
    assert not any(
        "birth" in field.name
        for field in Official._meta.apps.get_model(
            "archives", "PublicOfficialRow"
        )._meta.get_fields()
    )


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE Person [<!ENTITY a "ha">'
    + b"".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">'.encode() for n in range(9))
    + b"]><Person><XingMing>&j;</XingMing></Person>"
)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "第 1 行不是合格的 XML"),
        (b"not xml", "不是合格的 XML"),
        (b"<Person><XingMing>\xe7\x8e\x8b</XingMing>", "不是合格的 XML"),
        (b"<Nobody/>", "最外层应是 Person"),
        (BOMB, "DOCTYPE 或 ENTITY"),
        (b'<!DOCTYPE Person SYSTEM "file:///etc/passwd"><Person/>', "DOCTYPE 或 ENTITY"),
        (
            b'<!DOCTYPE Person [<!ENTITY x SYSTEM "http://127.0.0.1/x">]><Person><XingMing>&x;</XingMing></Person>',
            "DOCTYPE 或 ENTITY",
        ),
        (b"<Person><XingMing>&undefined;</XingMing></Person>", "不是合格的 XML"),
        (
            '<?xml version="1.0" encoding="gb2312"?><Person><XingMing>王示例</XingMing></Person>'.encode(
                "gb2312"
            ),
            "第 1 行：文件不是 UTF-8",
        ),
        (
            '<?xml version="1.0" encoding="utf-8"?>\n<Person>\n<XingMing>王示例</XingMing></Person>'.encode(
                "gbk"
            ),
            "第 3 行有不是 UTF-8",
        ),
        ("<Person><XingMing>王示例</XingMing></Person>".encode("utf-16"), "不是 UTF-8"),
        (b"<Person><XingMing>\x00</XingMing></Person>", "不是合格的 XML"),
        (sheet(XingMing="<b>王示例</b>"), "第 3 行：“姓名”里夹有别的标记"),
        (sheet(XingMing="&lt;script&gt;alert(1)&lt;/script&gt;"), "第 3 行：姓名里只能有文字"),
        (sheet(XingMing="长" * 41), "最多 40"),
        (sheet(XingMing="  　 "), "没有姓名"),
        (sheet(XingMing=None), "没有姓名"),
        (sheet(XianRenZhiWu="", JianLi=""), "没有读出任何职务"),
        (sheet(XianRenZhiWu=None, JianLi=None), "没有读出任何职务"),
        (sheet(JianLi="x" * 300_000), "“简历”太长"),
        (b"<Person><XingMing>a</XingMing><XingMing>b</XingMing></Person>", "出现了两次"),
        (b"<Person>" + b"<a>" * 30, "套得太深"),
        (
            b"<Person>" + b"".join(b"<x%d/>" % n for n in range(200)) + b"</Person>",
            "不认识的标记太多",
        ),
    ],
)
def test_a_hostile_or_broken_file_is_refused_with_its_name(clerk, octets, why):
    report = the_one(take(clerk, octets))
    assert report.action == "refused"
    assert why in report.fault
    assert report.fault.startswith("1.lrmx")
    assert not Official.objects.exists()


def test_a_file_of_sixty_megabytes_is_not_read(clerk):
    report = the_one(take(clerk, b"<Person>" + b" " * (60 * 1024 * 1024) + b"</Person>"))
    assert "超过 50 MB" in report.fault


def test_markup_written_as_text_stays_text_and_is_kept_out_of_titles(clerk):
    take(clerk, sheet(XianRenZhiWu="坪上镇&lt;img src=x&gt;镇长", JianLi=None))
    post = Post.objects.get()
    assert not post.is_public
    assert "坪上镇<img" in post.title


def test_one_refused_file_does_not_hold_up_the_others(clerk):
    report = take(clerk, b"broken", sheet(), sheet(XingMing="李样本", ChuShengNianYue="198507"))
    assert [file.action for file in report.files] == ["refused", "new", "new"]
    assert report.refused == 1
    assert {row.name for row in Official.objects.all()} == {"王示例", "李样本"}


def test_namesakes_are_told_apart_by_the_month_of_birth(clerk):
    take(clerk, sheet(), sheet(ChuShengNianYue="197511"))
    assert Official.objects.count() == 2
    assert take(clerk, sheet(ChuShengNianYue="198003")).files[0].action == "unchanged"


def test_a_file_without_month_is_refused_where_two_bear_the_name(clerk):
    take(clerk, sheet(), sheet(ChuShengNianYue="197511"))
    report = the_one(take(clerk, sheet(ChuShengNianYue="")))
    assert report.action == "refused"
    assert "本单位有 2 位“王示例”" in report.fault
    assert Official.objects.count() == 2


def test_a_month_that_was_missing_is_filled_in(clerk):
    take(clerk, sheet(ChuShengNianYue=None))
    report = the_one(take(clerk, sheet(ChuShengNianYue="19800315")))
    assert report.action == "update"
    assert Official.objects.get().birth_month == "198003"


def test_a_month_that_is_none_is_refused_and_the_rest_taken(clerk):
    report = take(clerk, sheet(ChuShengNianYue="八十年代"))
    assert outcomes(report, "ChuShengNianYue") == [("refused", 4)]
    assert Official.objects.get().birth_month == ""


def test_a_private_number_inside_a_resume_is_refused_at_its_line(clerk):
    report = take(clerk, sheet(JianLi=RESUME + "\n2024.01--2025.01  坪上镇13800000000副镇长"))
    assert ("refused", 10) in outcomes(report, "JianLi")
    assert "13800000000" not in "\n".join(_dump())
    assert "13800000000" not in repr(report)


def test_a_file_name_that_is_a_path_is_shown_as_a_name(clerk):
    report = official_import(
        by=clerk, files=[ImportFile(name="C:\\档案\\..\\<b>x.lrmx", octets=b"")], apply=False
    )
    assert the_one(report).file == "<b>x.lrmx"


def test_too_many_files_at_once_are_refused(clerk):
    with pytest.raises(errors.ImportRefused, match="500"):
        official_import(by=clerk, files=[ImportFile(name="x", octets=b"")] * 501, apply=False)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("archives", "import", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.usefixtures("clerk")
def test_the_command_shows_the_table_and_applies_when_told(tmp_path):
    file = tmp_path / "王示例.lrmx"
    file.write_bytes(sheet(ShenFenZheng="密件值"))
    unit_set(None)
    said = run(str(file), "--unit", "430522", "--by", "clerk")
    assert "试读" in said
    assert "身份证号  按规定不收" in said
    assert "密件值" not in said
    said = run(str(tmp_path), "--unit", "430522", "--by", "clerk", "--apply")
    assert "王示例.lrmx  王示例  新增" in said


@pytest.mark.usefixtures("clerk")
def test_the_command_names_file_and_line_of_every_fault(tmp_path):
    file = tmp_path / "broken.lrmx"
    file.write_bytes(b"<Person>\n<XingMing>\n")
    out = StringIO()
    with pytest.raises(CommandError, match="1 个文件没有收"):
        call_command(
            "archives", "import", str(file), "--unit", "430522", "--by", "clerk", stdout=out
        )
    assert "broken.lrmx 第 3 行" in out.getvalue()
    for arguments, why in (
        ((str(tmp_path / "none.lrmx"), "--unit", "430522", "--by", "clerk"), "none.lrmx"),
        ((str(file), "--unit", "999999", "--by", "clerk"), "999999"),
        ((str(file), "--unit", "430522", "--by", "nobody"), "nobody"),
    ):
        with pytest.raises(CommandError, match=why):
            run(*arguments)


def test_the_reader_forgets_what_it_does_not_take():
    read = lrmx.read(sheet(ShenFenZheng="密件值", ZhaoPian="QUJD" * 50_000), file="x")
    assert set(read.values) == {"XingMing", "ChuShengNianYue", "XianRenZhiWu", "JianLi"}
    assert "密件值" not in repr(read)
