"""Who and what the demonstration shows. People are fictitious on purpose; place names are real."""

from __future__ import annotations

from dataclasses import dataclass

PASSWORD = "minqing-demo-2026"  # noqa: S105  printed on the screen, for fictitious people only
"""Password of every demonstration sign-in."""


@dataclass(frozen=True, kw_only=True)
class DemoUnit:
    """One unit of the demonstration."""

    code: str
    name: str
    level: str
    host: str
    parent: str
    organiser: str
    telephone: str


UNITS = (
    DemoUnit(
        code="430500", name="邵阳市", level="city", host="shaoyang.localhost", parent="",
        organiser="中共邵阳市委组织部（演示）", telephone="0739-000 0001",
    ),
    DemoUnit(
        code="430522", name="新邵县", level="county", host="xinshao.localhost", parent="430500",
        organiser="中共新邵县委组织部（演示）", telephone="0739-000 0000",
    ),
    DemoUnit(
        code="430524", name="隆回县", level="county", host="longhui.localhost", parent="430500",
        organiser="中共隆回县委组织部（演示）", telephone="0739-000 0002",
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class DemoStaff:
    """One sign-in; every unit has the same ones, with people of its own. Two supervise and two run the platform: some acts take two."""

    username: str
    name: str
    office: str
    roles: tuple[str, ...]


STAFF = (
    DemoStaff(username="clerk", name="刘登记", office="档案组（演示）", roles=("clerk",)),
    DemoStaff(username="reviewer", name="周审核", office="综合组（演示）", roles=("reviewer",)),
    DemoStaff(
        username="handler", name="吴承办", office="民情通道办公室（演示）", roles=("handler",)
    ),
    DemoStaff(username="supervisor", name="郑督办", office="督查组（演示）", roles=("supervisor",)),
    DemoStaff(
        username="supervisor2", name="钱复核", office="督查组（演示）", roles=("supervisor",)
    ),
    DemoStaff(username="operator", name="孙运维", office="信息中心（演示）", roles=("operator",)),
    DemoStaff(username="operator2", name="何值守", office="信息中心（演示）", roles=("operator",)),
)


def sign_ins() -> list[str]:
    """Lines that tell the demonstration sign-ins."""
    rows = [f"{person.username:<11} {person.name}（{'、'.join(person.roles)}）" for person in STAFF]
    return [*rows, f"密码 password: {PASSWORD}"]
