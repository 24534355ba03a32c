#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes expressions.jsonl and vocab_txt/ with the Python package tokenizers 0.23 (Apache-2.0).

expressions.jsonl: what an expression with classes in classes, && or scripts matches in a text.
vocab_txt/: a small vocab.txt trained on the texts here, and cases_*.jsonl: ids of texts with
BertWordPieceTokenizer, for two settings of tokenizer_config.json.
"""
import json
import pathlib
import random

from tokenizers import BertWordPieceTokenizer, Regex, pre_tokenizers

HERE = pathlib.Path(__file__).parent
EXPRESSIONS = [
    "[a-c[x-z]]+", "[^a-c[x-z]]+", "[a[b[c]]]+", "[^a[^b]]+", "[a-z&&[^aeiou]]+", "[^a-z&&[^aeiou]]+",
    "[a-z&&[a-m]&&[^c]]+", "[\\p{L}&&[^\\p{Han}]]+", "[\\p{Han}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}&&[^\\p{Han}]]*[\\p{Ll}\\p{Lo}&&[^\\p{Han}]]+|\\s+",
    "\\p{Han}+", "\\P{Han}+", "\\p{^Latin}+", "[\\P{L}]+", "[a\\P{L}]+", "[^\\P{L}]+", "[^a\\P{L}]+",
    "\\p{Hiragana}+|\\p{Katakana}+", "[\\p{Greek}\\p{Cyrillic}]+", "[^\\p{Arabic}\\p{Hebrew}\\s]+", "\\p{Thai}+|\\p{Devanagari}+",
    "\\p{Hangul}", "[\\p{Latin}&&\\p{Lu}]", "[[a-z]&&[^m]x]{1,2}", "[\\w&&[^_0-9]]+", "[^\\s[,.]]++", "[\\S&&[^a]]+",
]
TEXTS = [
    "abcxyz mnop", "The QUICK fox, 12.5!", "漢字かなカナー混じり text 한국어", "Ελληνικά и русский Latin", "ไทย हिन्दी العربية עברית",
    "a_1 b-2\tc\r\n d", "émigré naïve Ünïcödé", "〇一二々〆ヶ ﾊﾝｶｸ", "ex.&&[]^-\\", "𝒳 😀 𠮷野家", "", "aeiou bcdfg AEIOU",
    "Ⅷ ½ ² ﬁ", "\u0301a\u0323 \u200b\u00a0x",
]
WORDS = ("the a of to and in is it you that he was for on are with as his they be at one have this from or had by hot but some "
         "what there we can out other were all your when up use word how said an each she which do their time if will way about many "
         "then them would write like so these her long make thing see him two has look more day could go come did my sound no most "
         "number who over know water than call first people may down side been now find naïve café größer").split()


def expressions():
    for expression in EXPRESSIONS:
        splitter = pre_tokenizers.Split(Regex(expression), "removed", invert=True)
        for text in TEXTS:
            yield {"expression": expression, "text": text,
                   "matches": [piece for piece, _ in splitter.pre_tokenize_str(text)]}


def vocab_txt():
    out = HERE / "vocab_txt"
    out.mkdir(exist_ok=True)
    letters = sorted(set("abcdefghijklmnopqrstuvwxyzABCDEFGHT0123456789.,!?'-éïöß漢字"))
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *["##" + c for c in letters], *WORDS,
              "##ing", "##er", "##ed", "##s", "##ly", "[unused1]"]
    (out / "vocab.txt").write_text("".join(t + "\n" for t in dict.fromkeys(tokens)), "utf-8")
    rng = random.Random(7)
    texts = TEXTS + [" ".join(rng.choice(WORDS) + rng.choice(["", "s", "ing", ",", "!"]) for _ in range(rng.randint(1, 9)))
                     for _ in range(60)] + ["x" * 101, "[MASK] and [CLS]", "THE Water's CAFÉ", "don't [unused1]", "\x00a\ufffdb\u200e"]
    for name, settings in {"uncased": {"lowercase": True, "strip_accents": None, "handle_chinese_chars": True},
                           "cased": {"lowercase": False, "strip_accents": None, "handle_chinese_chars": False}}.items():
        tokenizer = BertWordPieceTokenizer(str(out / "vocab.txt"), clean_text=True, **settings)
        rows = [{"text": t, "ids": tokenizer.encode(t, add_special_tokens=False).ids,
                 "ids_with_special": tokenizer.encode(t).ids,
                 "decoded": tokenizer.decode(tokenizer.encode(t, add_special_tokens=False).ids, skip_special_tokens=False)}
                for t in texts]
        (out / f"cases_{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))


(HERE / "expressions.jsonl").write_text("".join(json.dumps(r) + "\n" for r in expressions()))
vocab_txt()
