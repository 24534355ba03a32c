# SPDX-License-Identifier: MIT
# The texts of the cases: ROWS of them, half from TEXTS (a .jsonl.gz whose rows have a `text`), half random.  Used by exec.
rng=random.Random(7)
golden=[json.loads(l)['text'] for l in gzip.open(TEXTS,'rt')]
def rand_text():
    pools=["abcdefg ABC","0123456789","  \t\n","'’\"`.,!?;:-_()[]{}<>|","éüßñÅçİıŞ","你好世界漢字","αβγΣς","😀🏽👩‍💻","\u0301\u0308\u0327\u200b\u200d\ufeff\u00ad","▁▂ĠĊ","<unk><s></s>[MASK]","\u00a0\u2003\u3000\u2028\u0085","ﬁ½²Ⅷ™…","กขคำ","हिन्दी","עברית","\x00\x01\x1f\x7f\ufffd"]
    s=''
    for _ in range(rng.randint(1,9)):
        p=rng.choice(pools); s+=''.join(rng.choice(p) for _ in range(rng.randint(1,6)))
    return s
texts=[]
pick=rng.sample(golden,min(len(golden),ROWS//2))
for t in pick: texts.append(t if len(t)<400 else t[:400])
while len(texts)<ROWS: texts.append(rand_text())
texts+=["","a"," ","  a","a  ","<mask>x","x <mask> y","  <mask>  ","<unk>","[UNK] [MASK] <s>","<word>in<word>","in word","▁a ▁▁b"]
rng.shuffle(texts)
