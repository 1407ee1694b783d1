"""Tokens: what makes no difference, and what must never be lost."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from search.names import SPELLINGS, name_key, name_keys, name_sounds, spellings
from search.text import FENCE, Folded, characters, fold, words, words_asked


@pytest.mark.parametrize(
    ("name", "pinyin"),
    [
        ("曾示例", "zengshili"), ("单示例", "shanshili"), ("翟示例", "zhaishili"), ("仇示例", "qiushili"), ("解示例", "xieshili"), ("朴示例", "piaoshili"),
        ("区示例", "oushili"), ("查示例", "zhashili"), ("盖示例", "geshili"), ("盖示例", "gaishili"), ("吕示例", "lvshili"), ("吕示例", "lyushili"), ("吕示例", "lushili"),
        ("欧阳示例", "ouyangshili"), ("尉迟示例", "yuchishili"), ("单于示例", "chanyushili"), ("万俟示例", "moqishili"), ("覃示例", "qinshili"), ("任示例", "renshili"),
    ],
)  # fmt: skip
def test_surnames_are_found_as_surnames_are_read(name, pinyin):
    keys = name_keys(name)
    assert pinyin in keys
    assert {pinyin[:end] for end in range(2, len(pinyin))} <= keys
    assert "shili" in keys


@pytest.mark.parametrize(
    ("name", "pinyin"),
    [
        ("曾示例", "cengshili"),
        ("单示例", "danshili"),
        ("查示例", "chashili"),
        ("仇示例", "choushili"),
    ],
)
def test_the_ordinary_reading_finds_a_surname_too(name, pinyin):
    assert pinyin in name_keys(name)


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("曾示例", "zsl"),
        ("欧阳示例", "oysl"),
        ("欧阳示例", "sl"),
        ("阿卜杜拉·买买提", "abdlmmt"),
        ("阿卜杜拉·买买提", "mmt"),
    ],
)
def test_initials_find_names(name, initials):
    assert initials in name_keys(name)


@pytest.mark.parametrize("dot", ["·", "•", "・", "‧", "∙", "⋅", "･", ".", "．", "", " ", "-"])
def test_every_middle_dot_and_none_is_the_same_name(dot):
    assert name_key(f"阿卜杜拉{dot}买买提") == name_key("阿卜杜拉·买买提")
    assert name_sounds(f"阿卜杜拉{dot}买买提") == name_sounds("阿卜杜拉·买买提")
    assert {"买买提", "maimaiti", "阿卜"} <= name_keys(f"阿卜杜拉{dot or '·'}买买提")


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("李志钢", "李志刚"),
        ("王石利", "王实例"),
        ("沉虚构", "陈虚构"),
        ("张颜诗", "章演示"),
        ("刘明", "牛民"),
    ],
)
def test_names_that_sound_alike_share_a_sound(heard, meant):
    assert name_sounds(heard) & name_sounds(meant)


def test_names_that_do_not_sound_alike_share_none():
    assert not name_sounds("王示例") & name_sounds("李样本")


@given(st.text(alphabet="行长乐重还朴单区曾盖查都会", min_size=1, max_size=60))
def test_the_spellings_of_a_name_stay_few(name):
    assert 1 <= len(spellings(name)) <= SPELLINGS


def test_traditional_compatible_and_accented_forms_make_no_difference():
    assert fold("國務院") == fold("国务院")
    assert fold("ＡＢＣ１２３（㈠）") == "abc123((一))"
    assert fold("\uf9fd") == fold("什")
    assert fold("Ürümqi É\u0301") == "urumqi e"
    assert fold("a\u200b\x00\ufeff\ud800\ue000b") == "ab"
    assert fold("一　二\t三\n四\u00a0五") == "一 二 三 四 五"


@given(st.text(max_size=80))
def test_composed_and_decomposed_text_is_the_same(text):
    assume(max(text, default=" ") < "\ud800" or max(text, default=" ") > "\udfff")
    assert sorted(fold(normalize("NFC", text))) == sorted(fold(normalize("NFD", text)))


@given(st.text(max_size=300))
def test_every_folded_character_knows_where_it_came_from(text):
    folded = Folded(text)
    assert folded.text == fold(text)
    expected = [number for number, character in enumerate(text) for _ in fold(character)]
    assert [folded.origin(position) for position in range(len(folded.text))] == expected


@given(st.text(max_size=120))
def test_no_token_holds_a_blank_or_the_fence(text):
    folded = fold(text)
    for token in (*characters(folded), *words(folded), *words_asked(folded)):
        assert token
        assert token.split() == [token]
        assert FENCE not in token


def test_han_characters_of_every_plane_are_tokens():
    assert characters(fold("𠮷 野𪚥中〇")) == "𠮷野𪚥中〇"
    assert {"𠮷", "野"} <= set(words(fold("𠮷野")))
    assert "𠮷示" in name_keys("𠮷示例")


def test_unknown_place_names_are_not_glued_to_their_neighbours():
    assert {"新邵县", "镇长"} <= set(words(fold("任新邵县酿溪镇镇长")))
    assert "公安" in words(fold("新邵县公安局"))
