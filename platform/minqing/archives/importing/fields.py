"""The tags of ``.lrmx`` (任免审批表 3.0) and what the door does with each: a whitelist of four.

Sensitive (个人信息保护法 28、29 条) and private fields are never kept, not even in memory beyond the parser's buffer;
the rest is left out because a public archive does not need it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Treatment(Enum):
    """What the door does with a tag."""

    TAKE = "take"
    NOT_NEEDED = "not needed"
    SENSITIVE = "sensitive"


@dataclass(frozen=True, kw_only=True)
class Field:
    """One tag."""

    label: str
    treatment: Treatment


def _fields(treatment: Treatment, labels: dict[str, str]) -> dict[str, Field]:
    return {tag: Field(label=label, treatment=treatment) for tag, label in labels.items()}


FIELDS: dict[str, Field] = {
    **_fields(
        Treatment.TAKE,
        {
            "XingMing": "姓名",
            "ChuShengNianYue": "出生年月",
            "XianRenZhiWu": "现任职务",
            "JianLi": "简历",
        },
    ),
    **_fields(
        Treatment.SENSITIVE,
        {
            "ShenFenZheng": "身份证号",
            "JianKangZhuangKuang": "健康状况",
            "JiaTingChengYuan": "家庭主要成员及重要社会关系",
            "ZhaoPian": "照片",
            "ChuShengDi": "出生地",
            "JiGuan": "籍贯",
            "DaoLingNianYue": "到龄年月",
            "GaiGeQianRenZhiNianLingJieXian": "改革前任职年龄界限",
        },
    ),
    **_fields(
        Treatment.NOT_NEEDED,
        {
            "XingBie": "性别",
            "MinZu": "民族",
            "RuDangShiJian": "入党时间",
            "CanJiaGongZuoShiJian": "参加工作时间",
            "ZhuanYeJiShuZhiWu": "专业技术职务",
            "ShuXiZhuanYeYouHeZhuanChang": "熟悉专业有何专长",
            "QuanRiZhiJiaoYu_XueLi": "全日制教育学历",
            "QuanRiZhiJiaoYu_XueWei": "全日制教育学位",
            "QuanRiZhiJiaoYu_XueLi_BiYeYuanXiaoXi": "全日制学历毕业院校系及专业",
            "QuanRiZhiJiaoYu_XueWei_BiYeYuanXiaoXi": "全日制学位毕业院校系及专业",
            "ZaiZhiJiaoYu_XueLi": "在职教育学历",
            "ZaiZhiJiaoYu_XueWei": "在职教育学位",
            "ZaiZhiJiaoYu_XueLi_BiYeYuanXiaoXi": "在职学历毕业院校系及专业",
            "ZaiZhiJiaoYu_XueWei_BiYeYuanXiaoXi": "在职学位毕业院校系及专业",
            "NiRenZhiWu": "拟任职务",
            "NiMianZhiWu": "拟免职务",
            "JiangChengQingKuang": "奖惩情况",
            "NianDuKaoHeJieGuo": "年度考核结果",
            "RenMianLiYou": "任免理由",
            "ChengBaoDanWei": "呈报单位",
            "JiSuanNianLingShiJian": "计算年龄时间",
            "TianBiaoShiJian": "填表时间",
            "TianBiaoRen": "填表人",
            "Version": "编辑器版本",
        },
    ),
}
