# SPDX-License-Identifier: MIT
"""Makes a small rank file, and what the Python package `tiktoken` 0.14 makes of texts with it under five expressions.

    make.py OUT ROWS TEXTS KINDS

KINDS: the folder tokenizer_kinds, whose tokens are taken.
"""
import sys,json,gzip,os,random,base64
import tiktoken
OUT,ROWS,TEXTS,KINDS=sys.argv[1],int(sys.argv[2]),sys.argv[3],sys.argv[4]
exec(open(os.path.dirname(os.path.abspath(__file__))+'/../tokenizer_kinds/texts.py').read())
texts+=['aaaaaaaaaaaaa','aaaaa aaaaaaa','ababababa','      ','\n\n\n\n\n  \n']+[''.join(rng.choice('ab') for _ in range(rng.randint(3,25))) for _ in range(ROWS//5)]
import tiktoken_ext.openai_public as o
d=json.load(open(f'{KINDS}/qwen/tokenizer.json'))
def inv():
    bs=list(range(33,127))+list(range(161,173))+list(range(174,256)); cs=bs[:]; n=0
    for b in range(256):
        if b not in bs: bs.append(b); cs.append(256+n); n+=1
    return {chr(c):b for b,c in zip(bs,cs)}
I=inv()
toks=[bytes(I[c] for c in t) for t,_ in sorted(d['model']['vocab'].items(),key=lambda x:x[1])]
# tokens that can be put together in several ways, in an order that tells them apart
have=set(toks)
for n in (2,3,4,5,6):
    for s in ('a'*n,('ab'*n)[:n],('ba'*n)[:n],('aab'*n)[:n]):
        if s.encode() not in have and rng.random()<0.8: toks.append(s.encode()); have.add(s.encode())
rng2=random.Random(1); tail=toks[256:]; rng2.shuffle(tail); toks=toks[:256]+tail
ranks={t:i for i,t in enumerate(toks)}
PATS={'cl100k':r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s""",'gpt2':o.r50k_pat_str,
'llama3':r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
'qwen2':r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
'o200k':"|".join([r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",r"""\p{N}{1,3}""",r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""",r"""\s*[\r\n]+""",r"""\s+(?!\S)""",r"""\s+"""])}
os.makedirs(OUT,exist_ok=True)
open(f'{OUT}/small.tiktoken','wb').write(b''.join(base64.b64encode(t)+b' %d\n'%i for i,t in enumerate(toks)))
encs={k:tiktoken.Encoding(k,pat_str=p,mergeable_ranks=ranks,special_tokens={}) for k,p in PATS.items()}
rows=[]
for x in texts:
    r={'text':x,'ids':{k:e.encode(x,disallowed_special=()) for k,e in encs.items()}}
    one=r['ids']['qwen2']
    assert encs['qwen2'].decode(one)==x
    rows.append(r)
with gzip.GzipFile(f'{OUT}/cases.jsonl.gz','wb',mtime=0) as f: f.write(''.join(json.dumps(r)+'\n' for r in rows).encode())
spec=['<unk>','<s>','</s>','[INST]']
tek={'config':{'pattern':PATS['o200k'],'num_vocab_tokens':len(toks),'default_vocab_size':len(toks)+8,'default_num_special_tokens':8,'version':'v3'},'vocab':[{'rank':i,'token_bytes':base64.b64encode(t).decode(),'token_str':None} for i,t in enumerate(toks)],'special_tokens':[{'rank':i,'token_str':s,'is_control':True} for i,s in enumerate(spec)]}
json.dump(tek,open(f'{OUT}/tekken.json','w'))
print(len(toks),len(rows))
