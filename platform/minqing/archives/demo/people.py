"""The demonstration's officials: files as units have them, and what those files do not hold (duties, office telephone)."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from minqing.archives.importing import ImportFile


@dataclass(frozen=True, kw_only=True)
class DemoOffice:
    """Duties and office telephone of a fictitious official's present post."""

    name: str
    duties: str
    telephone: str  # 0739-000 …: no such number exists


_OFFICES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "430522": (
        ("王示例", "主持镇政府全面工作，联系坪上村、小河村", "0739-000 0001"),
        ("李样本", "分管农业农村、水利、集中供水，联系雀塘村", "0739-000 0002"),
        ("张演示", "分管卫生健康、教育、民政", "0739-000 0003"),
        ("陈虚构", "主持局全面工作，分管农村公路建设", "0739-000 0004"),
        ("赵试用", "分管便民服务、环境卫生", "0739-000 0005"),
        ("周拟设", "主持镇党委全面工作", "0739-000 0006"),
        ("吴假定", "分管社会救助、养老服务", "0739-000 0007"),
        ("郑草拟", "主持镇政府全面工作", "0739-000 0008"),
    ),
    "430524": (
        ("孙范例", "分管农业农村、水利、乡村振兴", "0739-000 0021"),
        ("钱模板", "主持街道党工委全面工作", "0739-000 0022"),
        ("冯虚拟", "主持镇政府全面工作", "0739-000 0023"),
        ("卫排练", "主持局全面工作，分管农村饮水", "0739-000 0024"),
        ("蒋样品", "分管旅游、集镇管理", "0739-000 0025"),
    ),
    "430500": (
        ("沈说明", "主持局全面工作", "0739-000 0041"),
        ("韩推例", "分管交通运输、住房城乡建设", "0739-000 0042"),
        ("杨假设", "主持局全面工作，分管公共交通", "0739-000 0043"),
        ("朱样例", "主持委全面工作", "0739-000 0044"),
    ),
}


def demo_offices(unit_code: str) -> tuple[DemoOffice, ...]:
    """What is known of a unit's fictitious officials beside their files."""
    return tuple(
        DemoOffice(name=name, duties=duties, telephone=telephone)
        for name, duties, telephone in _OFFICES.get(unit_code, ())
    )


def demo_files(unit_code: str) -> tuple[ImportFile, ...]:
    """The ``.lrmx`` files of a unit's fictitious officials (430522, 430524, 430500)."""
    folder = files("minqing.archives.demo")
    found = sorted(
        (item for item in folder.iterdir() if item.name.startswith(f"{unit_code}_")),
        key=lambda item: item.name,
    )
    return tuple(ImportFile(name=item.name, octets=item.read_bytes()) for item in found)
