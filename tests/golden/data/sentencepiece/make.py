# SPDX-License-Identifier: MIT
"""Makes small SentencePiece models, and what the Python package `sentencepiece` 0.2.3 makes of texts with them.

    make.py OUT ROWS VOCABULARY CORPUS TEXTS
"""
import sys,json,gzip,os,random
import sentencepiece as spm
from sentencepiece import sentencepiece_model_pb2 as pb
OUT,ROWS,V,CORPUS,TEXTS=sys.argv[1],int(sys.argv[2]),int(sys.argv[3]),sys.argv[4],sys.argv[5]
exec(open(os.path.dirname(os.path.abspath(__file__))+'/../tokenizer_kinds/texts.py').read())
RULES=[('\ufb01','fi'),('\u00bd','1/2'),('\u00a0',' '),('\u2003',' '),('\u3000',' '),('\u200b',''),('e\u0301','\u00e9'),('o\u0308','\u00f6'),('\u2122','TM'),('\u2026','...'),('\t',' '),('\n',' '),('\u2167',' VIII ')]+[(chr(c),chr(c+32)) for c in range(65,91)]
open('r2.tsv','w').write(''.join(' '.join('%X'%ord(x) for x in a)+'\t'+' '.join('%X'%ord(x) for x in b)+'\n' for a,b in RULES))
def make(name,edit=None,**k):
    d=f'{OUT}/{name}'; os.makedirs(d,exist_ok=True)
    a=dict(input=CORPUS,model_prefix='m',vocab_size=V,minloglevel=2,hard_vocab_limit=False,num_threads=1); a.update(k)
    spm.SentencePieceTrainer.train(**a)
    m=pb.ModelProto(); m.ParseFromString(open('m.model','rb').read())
    m.trainer_spec.ClearField('input'); m.trainer_spec.ClearField('model_prefix')
    if edit: edit(m)
    b=m.SerializeToString(); open(f'{d}/tokenizer.model','wb').write(b)
    p=spm.SentencePieceProcessor(model_proto=b)
    rows=[]
    for x in texts:
        try: i=p.encode(x,out_type=int)
        except Exception as e: print(e); continue
        rows.append({'text':x,'ids':i,'decoded':p.decode(i)})
    for _ in range(ROWS//4):
        i=[rng.randrange(len(m.pieces)) for _ in range(rng.randint(0,10))]
        rows.append({'ids_only':i,'decoded':p.decode(i)})
    with gzip.GzipFile(f'{d}/cases.jsonl.gz','wb',mtime=0) as f: f.write(''.join(json.dumps(r)+'\n' for r in rows).encode())
    print(name,len(m.pieces),len(b))
ident=dict(normalization_rule_name='identity')
rules=dict(normalization_rule_tsv='r2.tsv')
make('unigram',model_type='unigram',**rules)
make('unigram_bytes',model_type='unigram',byte_fallback=True,remove_extra_whitespaces=False,vocab_size=V+256,**ident)
make('unigram_user',model_type='unigram',user_defined_symbols=['<sep>','in','▁the','Shake!'],pad_id=3,**rules)
make('bpe_llama',model_type='bpe',byte_fallback=True,remove_extra_whitespaces=False,vocab_size=V+256,split_digits=True,allow_whitespace_only_pieces=True,**ident)
make('bpe_user',model_type='bpe',user_defined_symbols=['<sep>','in','  ','▁▁','Shake!'],unk_surface='?',add_dummy_prefix=False,**rules)
def unused(m):
    r=random.Random(3)
    for p in m.pieces:
        if p.type==1 and len(p.piece)>1 and r.random()<0.3: p.type=5
make('bpe_unused',edit=unused,model_type='bpe',**rules)
make('unigram_unused',edit=unused,model_type='unigram',**rules)
make('characters',model_type='char',character_coverage=0.99,**rules)
make('words',model_type='word',**rules)
if V>600: make('unigram_nmt',model_type='unigram'); make('bpe_nfkc',model_type='bpe',normalization_rule_name='nfkc_cf')
