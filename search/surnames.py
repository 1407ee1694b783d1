"""Readings of surnames (姓氏读音) where they differ from the character's ordinary reading, and compound surnames.

General dictionaries read 曾 as ceng and 单 as dan; as surnames they are zeng and shan. The ordinary readings
stay findable too: people type what they know.
"""

from __future__ import annotations

READINGS: dict[str, tuple[str, ...]] = {
    "曾": ("zeng",), "单": ("shan",), "翟": ("zhai", "di"), "仇": ("qiu",), "解": ("xie",), "朴": ("piao", "pu"),
    "区": ("ou",), "查": ("zha",), "盖": ("ge", "gai"), "吕": ("lv",), "任": ("ren",), "华": ("hua",),
    "缪": ("miao",), "尉": ("wei",), "冼": ("xian",), "洗": ("xian",), "员": ("yun", "yuan"), "乐": ("yue", "le"),
    "覃": ("qin", "tan"), "祭": ("zhai",), "秘": ("bi",), "种": ("chong",), "重": ("chong",), "繁": ("po",),
    "逄": ("pang",), "逯": ("lu",), "佴": ("nai",), "晁": ("chao",), "召": ("shao",), "折": ("she",), "黑": ("he",),
    "哈": ("ha",), "盛": ("sheng",), "宓": ("mi", "fu"), "隗": ("wei", "kui"), "郇": ("xun", "huan"), "郗": ("xi", "chi"),
    "褚": ("chu",), "石": ("shi",), "应": ("ying",), "阚": ("kan",), "幺": ("yao",), "句": ("gou",), "钭": ("tou",),
    "俞": ("yu",), "冯": ("feng",), "宁": ("ning",), "车": ("che",), "纪": ("ji",), "臧": ("zang",), "卜": ("bu",),
    "贾": ("jia",), "牟": ("mou", "mu"), "柏": ("bai", "bo"), "薄": ("bo",), "令": ("ling",), "长": ("chang", "zhang"),
    "藏": ("zang",), "角": ("jue",), "洪": ("hong",), "谌": ("chen", "shen"), "瞿": ("qu",), "戴": ("dai",),
    "过": ("guo",), "合": ("ge", "he"), "那": ("na",), "燕": ("yan",), "要": ("yao",), "於": ("yu",), "占": ("zhan",),
    "行": ("xing", "hang"), "殷": ("yin",), "沈": ("shen",), "叶": ("ye",), "郝": ("hao",), "都": ("du",), "佟": ("tong",),
    "尹": ("yin",), "万": ("wan",), "不": ("fou",), "訾": ("zi",), "苫": ("shan",), "谷": ("gu",), "干": ("gan",),
    "相": ("xiang",), "葛": ("ge",), "观": ("guan",), "强": ("qiang",), "盍": ("ge",), "兴": ("xing",), "系": ("xi",),
}  # fmt: skip

COMPOUND: dict[str, tuple[str, ...]] = {
    "欧阳": ("ou", "yang"), "司马": ("si", "ma"), "上官": ("shang", "guan"), "诸葛": ("zhu", "ge"), "尉迟": ("yu", "chi"),
    "长孙": ("zhang", "sun"), "万俟": ("mo", "qi"), "单于": ("chan", "yu"), "澹台": ("tan", "tai"), "皇甫": ("huang", "fu"),
    "令狐": ("ling", "hu"), "慕容": ("mu", "rong"), "宇文": ("yu", "wen"), "夏侯": ("xia", "hou"), "东方": ("dong", "fang"),
    "西门": ("xi", "men"), "南宫": ("nan", "gong"), "司徒": ("si", "tu"), "司空": ("si", "kong"), "公孙": ("gong", "sun"),
    "端木": ("duan", "mu"), "轩辕": ("xuan", "yuan"), "独孤": ("du", "gu"), "申屠": ("shen", "tu"), "太史": ("tai", "shi"),
    "闻人": ("wen", "ren"), "钟离": ("zhong", "li"), "公冶": ("gong", "ye"), "濮阳": ("pu", "yang"), "赫连": ("he", "lian"),
    "呼延": ("hu", "yan"), "鲜于": ("xian", "yu"), "闾丘": ("lv", "qiu"), "百里": ("bai", "li"), "东郭": ("dong", "guo"),
    "拓跋": ("tuo", "ba"), "贺兰": ("he", "lan"), "第五": ("di", "wu"), "子车": ("zi", "ju"), "宗政": ("zong", "zheng"),
}  # fmt: skip
