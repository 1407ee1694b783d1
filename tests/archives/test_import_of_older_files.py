"""The older .lrm: the same door, the same table."""

from __future__ import annotations

import pytest

from minqing.accounts.models import Role
from minqing.archives.importing import ImportFile, Outcome, official_import
from minqing.archives.models import Official
from tests.support.archives import staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_county")]
RESUME = "2002.07--2015.10  演示镇工作人员\r\n2015.10--         演示镇党委副书记、镇长"
SLOTS = [
    "王示例", "男", "198003", "汉族", "密籍贯", "200406", "密健康", "密出生地", "200207", "大专#@大学#", "演示学院#@演示大学#", "", "", "", "", "",
    "", RESUME, "无", "称职", "妻子@@", "密家人@@", "198105@@", "群众@@", "密单位@@", "演示镇党委副书记、镇长", "", "", "", "", "20261122", "李样本", "20261122",
]  # fmt: skip


def lrm(*slots: str) -> bytes:
    return ('"' + '","'.join(slots or SLOTS) + '"').encode("gbk")


def take(octets: bytes):
    return official_import(
        by=staff("clerk", Role.CLERK), files=[ImportFile(name="旧.lrm", octets=octets)], apply=True
    ).files[0]


def test_an_older_file_is_taken_and_its_private_slots_are_not():
    report = take(lrm())
    assert (report.action, report.name) == ("new", "王示例")
    official = Official.objects.get()
    assert [(post.unit_name, post.title, post.to_month) for post in official.posts.all()] == [
        ("演示镇", "党委副书记、镇长", ""),
        ("演示镇", "工作人员", "201510"),
    ]
    assert {finding.field for finding in report.findings if finding.outcome == Outcome.DROPPED} >= {
        "JianKangZhuangKuang", "ChuShengDi", "JiGuan", "JiaTingChengYuan",
    }  # fmt: skip
    assert "密" not in repr(report)
    assert [finding.line for finding in report.findings if finding.field == "JianLi"] == [1, 2]


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (lrm(*SLOTS[:32]), "应有 33 格，这里是 32 格"),
        (b'"', "应有 33 格"),
        (b'"\xff\xff\xff"', "不是 GBK"),
        (b'"' + b"x" * (1024 * 1024), "超过 1 MB"),
    ],
)
def test_an_older_file_that_is_broken_is_refused_with_its_name(octets, why):
    report = take(octets)
    assert report.action == "refused"
    assert why in report.fault
    assert report.fault.startswith("旧.lrm")
    assert not Official.objects.exists()
