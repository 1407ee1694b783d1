"""What the demonstration tells of its fictitious officials and units. Days are working days of 2026."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from minqing.archives.matrix import Source


@dataclass(frozen=True, kw_only=True)
class DemoEntry:
    """One fictitious entry."""

    unit_code: str  # who publishes it
    official: str  # name, empty where it is about a unit
    unit_name: str
    source: str
    source_unit: str
    day: datetime.date
    title: str
    text: str
    negative: bool = False
    reply: str = ""  # the official's statement
    correction: str = ""  # the text of a second version
    correction_reason: str = ""
    stage: str = "published"  # published | submitted | draft: how far the demonstration takes it


def _entry(
    unit_code: str,
    month: int,
    day: int,
    source: Source,
    source_unit: str,
    whom: str,
    title: str,
    text: str,
    **more: str | bool,
) -> DemoEntry:
    official, _, unit_name = whom.partition("@")
    values = {
        "official": official,
        "unit_name": unit_name,
        "source": source.value,
        "source_unit": source_unit,
        "title": title,
        "text": text,
    }
    return DemoEntry(unit_code=unit_code, day=datetime.date(2026, month, day), **values, **more)  # type: ignore[arg-type]  # keywords of one table


_V, _I, _R, _P, _E, _C, _O = (
    Source.VISIT, Source.INSPECTION, Source.REPORT_OUTCOME, Source.PLEDGE, Source.EVALUATION, Source.COMMENDATION, Source.ORDER,
)  # fmt: skip


def demo_entries(unit_code: str = "") -> tuple[DemoEntry, ...]:
    """Every fictitious entry, or one unit's."""
    return tuple(entry for entry in _ENTRIES if not unit_code or entry.unit_code == unit_code)


_ENTRIES = (
    _entry(
        "430522", 11, 20, _I, "县督查室", "王示例@坪上镇", "坪上镇村道硬化工程进度滞后，限 15 个工作日整改",
        "现场检查 6 个村，4 个村完成率低于计划。要求 15 个工作日内完成路基，县督查室到期复查。",
        negative=True, reply="受 10 月连续降雨影响，路基含水量过高。已增加两个施工队，每日进度贴在村部。",
    ),
    _entry(
        "430522", 11, 19, _P, "雀塘镇人民政府", "李样本@雀塘镇", "雀塘镇集中供水管网改造通水，比承诺提前 12 天",
        "承诺 12 月 1 日前通水。11 月 19 日完成 4.8 公里管网改造并通水，受益 1,120 户。水质检测合格。",
    ),
    _entry(
        "430522", 11, 18, _E, "中共新邵县委组织部", "@新邵县", "半年满意度测评：15 个乡镇，发出 1,212 票，收回 1,204 票",
        "15 个乡镇全部召开测评会，当场唱票。发出 1,212 票，收回 1,204 票，其中有效 1,196 票、废票 8 票。按乡镇的结果见单位页。",
    ),
    _entry(
        "430522", 11, 17, _V, "县人民政府办公室", "张演示@小塘镇", "小塘镇卫生院：夜间值班与药品配备",
        "21 时到院查看，值班医生 1 人在岗，常用药缺 3 种。要求一周内补齐，夜间值班表贴在门口。",
    ),
    _entry(
        "430522", 11, 12, _I, "县农村公路建设指挥部", "陈虚构@新邵县交通运输局", "坪上至小塘公路硬化 6.2 公里，完成 4.1 公里",
        "抽查 3 处路面厚度，均达到设计值。剩余 2.1 公里因土地协调停工 20 天，要求月底前复工。",
        correction="抽查 3 处路面厚度，均达到设计值。剩余 2.1 公里因土地协调停工 12 天，要求月底前复工。", correction_reason="停工天数核对有误，应为 12 天",
    ),
    _entry(
        "430522", 11, 5, _O, "县督查室", "赵试用@小塘镇", "集镇垃圾清运整改完成，复查合格",
        "10 月 20 日交办：集镇三处垃圾积存。11 月 5 日复查，三处已清，增设收集点 2 个，每日清运两次。",
    ),
    _entry(
        "430522", 10, 30, _P, "坪上镇人民政府", "王示例@坪上镇", "镇卫生院夜间急诊恢复，比承诺提前一个月",
        "承诺 11 月底前恢复。10 月 30 日起每晚有医生值班，值班电话贴在卫生院和各村村部。",
    ),
    _entry(
        "430522", 10, 22, _V, "县人民政府办公室", "张演示@新邵县民政局", "调研养老服务中心：护理员缺 9 人",
        "实地看 3 家乡镇敬老院，床位 180 张，在院 121 人，护理员缺 9 人。要求民政局会同人社部门年底前招足。",
    ),
    _entry(
        "430522", 10, 15, _I, "县民政局低保核查组", "吴假定@新邵县民政局", "低保动态核查：抽查 260 户，更正 7 户",
        "抽查 4 个乡镇 260 户，应退 4 户、应增 3 户，均已办理并张榜公布。",
    ),
    _entry(
        "430522", 9, 29, _C, "中共新邵县委、县人民政府", "李样本@雀塘镇", "抗旱保供水工作表现突出，予以通报表扬",
        "8 月至 9 月旱情期间，组织送水 46 天，涉及 9 个村，未发生断水。",
    ),
    _entry(
        "430522", 9, 16, _I, "县安全生产委员会办公室", "周拟设@酿溪镇", "沿街门面消防检查：12 处隐患，已改 10 处",
        "检查门面 86 家，堵塞通道、私拉电线等隐患 12 处。10 处当场整改，2 处限 5 个工作日。", negative=True,
        reply="余下 2 处已于 9 月 21 日改完，镇安监站复查签字。",
    ),
    _entry(
        "430522", 8, 26, _V, "县人民政府办公室", "郑草拟@巨口铺镇", "调研秋粮生产和抗旱用水",
        "看 4 个村的山塘水库，蓄水不到四成。镇里已打井 6 口，要求优先保人畜饮水。",
    ),
    _entry(
        "430522", 7, 10, _R, "坪上镇人民政府", "@坪上镇", "集镇垃圾清运不及时：3 件同类反映合并办理，7 天办结",
        "三位群众反映集镇垃圾两天一清。改为每日清运，增加车辆 1 台。回访 3 人，2 人评价满意，1 人未评价。",
    ),
    _entry(
        "430522", 6, 24, _E, "中共新邵县委组织部", "@坪上镇", "坪上镇上半年承诺测评：48 票，满意 31 票",
        "发出 48 票，收回 48 票，均有效。满意 31 票，基本满意 12 票，不满意 5 票。当场公布。",
    ),
    _entry(
        "430522", 11, 16, _I, "县住房和城乡建设局检查组", "郑草拟@巨口铺镇", "农村危房改造验收：23 户，合格 21 户",
        "逐户验收 23 户，2 户门窗未装完，限 10 个工作日。", stage="submitted",
    ),
    _entry(
        "430522", 11, 13, _V, "县人民政府办公室", "周拟设@酿溪镇", "调研老旧小区加装电梯",
        "走访 3 个小区，已签协议 5 台，差一户同意的 2 台。要求社区继续上门。", stage="submitted",
    ),
    _entry(
        "430522", 11, 19, _P, "酿溪镇人民政府", "周拟设@酿溪镇", "农贸市场改造进入水电安装",
        "土建完成，水电安装过半，计划 12 月 20 日开市。", stage="draft",
    ),
    _entry(
        "430524", 11, 18, _I, "县督查室", "冯虚拟@六都寨镇", "六都寨灌区渠道清淤：18 公里完成 15 公里",
        "抽查 5 段，淤积深度均降到 10 厘米以下。余下 3 公里要求 12 月 10 日前完成。",
    ),
    _entry(
        "430524", 11, 11, _V, "县人民政府办公室", "孙范例@隆回县", "调研小沙江镇金银花产销",
        "走访 2 家合作社、6 户种植户，今年干花收购价比去年低一成。要求农业农村局对接两家药企。",
    ),
    _entry(
        "430524", 10, 28, _P, "隆回县水利局", "卫排练@隆回县水利局", "农村饮水安全：今年承诺的 12 处水厂改造全部完成",
        "12 处均已通水并取样检测，结果贴在水厂和村部，受益 3.1 万人。",
    ),
    _entry(
        "430524", 10, 14, _I, "县文化旅游督查组", "蒋样品@小沙江镇", "国庆假期景区停车场超限停放，限期整改",
        "10 月 3 日至 5 日，停车场超出核定 40%，消防通道被占。要求 20 个工作日内增设临时停车区并派人疏导。",
        negative=True, reply="已与两个村商定临时停车区，共 300 个车位，设专人疏导。",
    ),
    _entry(
        "430524", 9, 17, _R, "桃花坪街道办事处", "@桃花坪街道", "桃花坪街道路灯不亮：5 件反映，4 天修复 11 盏",
        "线路老化跳闸，更换电缆 260 米，修复路灯 11 盏。回访 5 人，均满意。",
    ),
    _entry(
        "430524", 11, 17, _V, "县人民政府办公室", "钱模板@桃花坪街道", "调研社区食堂运营",
        "两家食堂日均就餐 190 人，老人补贴到位。建议周末也开。", stage="submitted",
    ),
    _entry(
        "430500", 11, 19, _V, "市人民政府办公室", "韩推例@邵阳市", "调研城区公交线路优化",
        "乘坐 3 条线路，候车最长 26 分钟。要求 12 月底前拿出调整方案并公开征求意见。",
    ),
    _entry(
        "430500", 11, 10, _I, "市督查室", "杨假设@邵阳市交通运输局", "农村客运通达情况抽查：62 个村，通 59 个",
        "抽查 4 个县 62 个建制村，59 个通客车。3 个村因道路改造停运，已安排接驳。",
    ),
    _entry(
        "430500", 10, 21, _P, "邵阳市民政局", "沈说明@邵阳市民政局", "全市 15 家乡镇敬老院消防改造完成",
        "承诺 10 月底前完成 15 家，10 月 21 日全部通过验收。",
    ),
    _entry(
        "430500", 9, 22, _C, "中共邵阳市委、市人民政府", "朱样例@邵阳市卫生健康委员会", "基层卫生院夜间值班工作通报表扬",
        "全市 164 家乡镇卫生院夜间有医生值班，抽查在岗率 97%。",
    ),
)  # fmt: skip
