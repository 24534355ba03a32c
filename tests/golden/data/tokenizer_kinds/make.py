# SPDX-License-Identifier: MIT
"""Makes small tokenizers of every kind, and what the Python package `tokenizers` makes of texts with them.

    make.py OUT CORPUS TEXTS [ROWS] [VOCABULARY]

CORPUS: a text file to train on, one text a line.  TEXTS: a .jsonl.gz whose rows have a `text`, to encode.
Needs tokenizers 0.23 and sentencepiece 0.2 (for its tables of replacements).
"""
import gzip, json, os, random, sys, io, base64
from tokenizers import Tokenizer, models, trainers, normalizers as N, pre_tokenizers as P, decoders as D, processors as R, AddedToken, Regex
OUT=sys.argv[1]; ROWS=int(sys.argv[4]) if len(sys.argv)>4 else 150; VOCAB=int(sys.argv[5]) if len(sys.argv)>5 else 420
train=[l for l in open(sys.argv[2]).read().split('\n') if l]
extra=["naïve café Straße ÀÉÎÕÜ","你好 世界 漢字かな カナ","😀 emoji 👩‍👩‍👧 flags 🇩🇪","Ⅷ ½ ² ﬁ ﬂ Å Ω","x=3.14; y==2\t\ttab\r\n","don't won't I'm we've they're he'd  she'll","ΑΒΓΣ ΣΑΣ τέλος İstanbul","e\u0301 o\u0308 \u1e9b\u0323"]
TEXTS=sys.argv[3]
exec(open(os.path.dirname(os.path.abspath(__file__))+'/texts.py').read())
SPECIAL=[AddedToken("<mask>",special=True,normalized=False),AddedToken("<eos>",special=True,normalized=False,lstrip=True),AddedToken("<word>",special=False,normalized=True)]
made={}
def cases(name,js,decode=True):
    js=json.dumps(js,ensure_ascii=False) if not isinstance(js,str) else js
    t=Tokenizer.from_str(js)
    d=f'{OUT}/{name}'; os.makedirs(d,exist_ok=True)
    open(f'{d}/tokenizer.json','w').write(js)
    rows=[]
    for x in texts:
        try:
            e=t.encode(x,add_special_tokens=False).ids
        except BaseException as err:
            rows.append({'text':x,'error':str(err)[:100]}); continue
        row={'text':x,'ids':e}
        w=t.encode(x).ids
        if w!=e: row['ids_with_special']=w
        try:
            row['decoded']=t.decode(e,skip_special_tokens=False); row['skipped']=t.decode(e)
        except BaseException: pass
        rows.append(row)
    n=t.get_vocab_size()
    for _ in range(ROWS//5):
        ids=[rng.randrange(n) for _ in range(rng.randint(0,12))]
        try: rows.append({'ids_only':ids,'decoded':t.decode(ids,skip_special_tokens=False),'skipped':t.decode(ids)})
        except BaseException: pass
    with gzip.GzipFile(f'{d}/cases.jsonl.gz','wb',mtime=0) as f:
        f.write(''.join(json.dumps(r)+'\n' for r in rows).encode())
    made[name]=n
def trained(t,trainer):
    import contextlib
    t.train_from_iterator(train+extra*3,trainer)
    return t
def finish(t,name):
    t.add_tokens(SPECIAL[:0]); t.add_special_tokens(SPECIAL[:2]); t.add_tokens(SPECIAL[2:]); cases(name,t.to_str())
BF=[f'<0x{b:02X}>' for b in range(256)]

def sp_bpe(norm,pre):
    t=Tokenizer(models.BPE(unk_token='<unk>',fuse_unk=True,byte_fallback=True)); t.normalizer=norm
    if pre: t.pre_tokenizer=pre
    # train on words with the metaspace, so that a merge never spans two words except through spaces
    tt=Tokenizer(models.BPE(unk_token='<unk>')); tt.normalizer=N.Replace(' ','▁'); tt.pre_tokenizer=P.Split('▁','merged_with_next')
    tt.train_from_iterator(train+['  a   b    c'*3]+extra*3,trainers.BpeTrainer(vocab_size=VOCAB,special_tokens=['<unk>','<s>','</s>']+BF,show_progress=False))
    j=json.loads(tt.to_str()); m=j['model']
    jj=json.loads(t.to_str()); jj['model']['vocab']=m['vocab']; jj['model']['merges']=m['merges']
    jj['added_tokens']=[{'id':i,'content':c,'single_word':False,'lstrip':False,'rstrip':False,'normalized':False,'special':True} for i,c in enumerate(['<unk>','<s>','</s>'])]
    return jj
llama_dec={'type':'Sequence','decoders':[{'type':'Replace','pattern':{'String':'▁'},'content':' '},{'type':'ByteFallback'},{'type':'Fuse'},{'type':'Strip','content':' ','start':1,'stop':0}]}
tmpl={'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'<s>','type_id':0}},{'Sequence':{'id':'A','type_id':0}}],'pair':[{'Sequence':{'id':'A','type_id':0}},{'Sequence':{'id':'B','type_id':1}}],'special_tokens':{'<s>':{'id':'<s>','ids':[1],'tokens':['<s>']}}}
j=sp_bpe(N.Sequence([N.Prepend('▁'),N.Replace(' ','▁')]),None); j['decoder']=llama_dec; j['post_processor']=tmpl; cases('llama2',j)
j2=json.loads(json.dumps(j)); j2['normalizer']=None; j2['pre_tokenizer']={'type':'Metaspace','replacement':'▁','prepend_scheme':'first','split':False}; j2['decoder']={'type':'Sequence','decoders':[{'type':'Replace','pattern':{'String':'▁'},'content':' '},{'type':'ByteFallback'},{'type':'Fuse'},{'type':'Strip','content':' ','start':1,'stop':0}]}; cases('llama2_metaspace',j2)
j3=json.loads(json.dumps(j)); j3['normalizer']={'type':'Replace','pattern':{'String':' '},'content':'▁'}; j3['pre_tokenizer']={'type':'Split','pattern':{'String':' '},'behavior':'MergedWithPrevious','invert':False}; j3['decoder']={'type':'Sequence','decoders':llama_dec['decoders'][:3]}; cases('gemma',j3)
j4=json.loads(json.dumps(j)); j4['model']['byte_fallback']=False; j4['model']['fuse_unk']=False; j4['decoder']={'type':'Metaspace','replacement':'▁','prepend_scheme':'always','split':True}; j4['normalizer']=None; j4['pre_tokenizer']={'type':'Metaspace','replacement':'▁','add_prefix_space':True,'prepend_scheme':'always'}; cases('metaspace_unk',j4)
j5=json.loads(json.dumps(j)); # some bytes lack their token: order of unknown and bytes
keep={k:i for i,k in enumerate(k for k in sorted(j5['model']['vocab'],key=j5['model']['vocab'].get) if not (k in BF and int(k[3:5],16)%3==0 and k!='<0x0A>'))}
j5['model']['vocab']=keep; j5['model']['merges']=[x for x in j5['model']['merges'] if all(y in keep for y in x)]; j5['model']['ignore_merges']=True; cases('some_bytes',j5)

t=Tokenizer(models.WordLevel(unk_token='[UNK]')); t.normalizer=N.Sequence([N.NFKC(),N.Lowercase()]); t.pre_tokenizer=P.Whitespace()
trained(t,trainers.WordLevelTrainer(vocab_size=VOCAB,special_tokens=['[UNK]','[MASK]'],show_progress=False)); finish(t,'word_level')
t=Tokenizer(models.WordLevel(unk_token='<unk>')); t.normalizer=N.Sequence([N.NFD(),N.StripAccents(),N.Strip(True,True)]); t.pre_tokenizer=P.Sequence([P.WhitespaceSplit(),P.Punctuation('merged_with_previous'),P.Digits(False)])
trained(t,trainers.WordLevelTrainer(vocab_size=VOCAB,special_tokens=['<unk>'],show_progress=False)); finish(t,'word_level_split')
t=Tokenizer(models.WordLevel(unk_token='<unk>')); t.normalizer=N.Nmt(); t.pre_tokenizer=P.CharDelimiterSplit(' '); t.decoder=D.CTC('a','|',True)
trained(t,trainers.WordLevelTrainer(vocab_size=VOCAB,special_tokens=['<unk>'],show_progress=False)); finish(t,'delimiter_ctc')
def bert(name,**k):
    clean=k.pop('cleanup',True)
    t=Tokenizer(models.WordPiece(unk_token='[UNK]',max_input_chars_per_word=20)); t.normalizer=N.BertNormalizer(**k); t.pre_tokenizer=P.BertPreTokenizer(); t.decoder=D.WordPiece('##',clean)
    trained(t,trainers.WordPieceTrainer(vocab_size=VOCAB,special_tokens=['[PAD]','[UNK]','[CLS]','[SEP]','[MASK]'],show_progress=False))
    t.post_processor=R.BertProcessing(('[SEP]',t.token_to_id('[SEP]')),('[CLS]',t.token_to_id('[CLS]'))); finish(t,name)
bert('bert_uncased',clean_text=True,handle_chinese_chars=True,strip_accents=None,lowercase=True)
bert('bert_cased',clean_text=True,handle_chinese_chars=True,strip_accents=False,lowercase=False,cleanup=False)
bert('bert_odd',clean_text=False,handle_chinese_chars=True,strip_accents=True,lowercase=False)
# unigram
import sentencepiece as spm
from sentencepiece import sentencepiece_model_pb2 as pb
def small_charsmap():
    rules=[('\ufb01','fi'),('\ufb02','fl'),('\u00bd','1/2'),('\u00a0',' '),('\u2003',' '),('\u3000',' '),('\u200b',''),('\u00ad',''),('e\u0301','\u00e9'),('o\u0308','\u00f6'),('\u2122','TM'),('\u2026','...'),('\t',' '),('\n',' '),('\u2019',"'"),('\u2167','VIII'),('\u00b2','2')]+[(chr(c),chr(c+32)) for c in range(65,91)]
    open('r.tsv','w').write(''.join(' '.join('%X'%ord(x) for x in a)+'\t'+' '.join('%X'%ord(x) for x in b)+'\n' for a,b in rules))
    open('c.txt','w').write('\n'.join(train[:2000]))
    spm.SentencePieceTrainer.train(input='c.txt',model_prefix='c_small',vocab_size=300,normalization_rule_tsv='r.tsv',minloglevel=2)
    m=pb.ModelProto(); m.ParseFromString(open('c_small.model','rb').read()); return m.normalizer_spec.precompiled_charsmap
nmt=small_charsmap()
def unigram(name,norm,pre,dec,post=None,bf=False):
    t=Tokenizer(models.Unigram()); t.normalizer=norm; t.pre_tokenizer=pre; t.decoder=dec
    trained(t,trainers.UnigramTrainer(vocab_size=VOCAB,special_tokens=['<unk>','<s>','</s>','<pad>'],unk_token='<unk>',show_progress=False))
    j=json.loads(t.to_str())
    if bf:
        j['model']['vocab']+=[[b,-20.0] for b in BF]; j['model']['byte_fallback']=True
    n=len(j['model']['vocab'])
    for i,c in enumerate(['<mask>','<eos>']): j['added_tokens'].append({'id':n+i,'content':c,'single_word':False,'lstrip':i==0,'rstrip':False,'normalized':False,'special':True})
    if post: j['post_processor']=post
    cases(name,j)
ms=lambda s,sp=True: P.Metaspace('▁',s,sp)
unigram('t5',N.Precompiled(nmt),P.Sequence([P.WhitespaceSplit(),ms('always')]),D.Metaspace('▁','always'),None)
unigram('t5_new',N.Sequence([N.Precompiled(nmt),N.Strip(False,True),N.Replace(Regex(' {2,}'),'▁')]),ms('first'),D.Metaspace('▁','first'))
unigram('xlm',N.Sequence([N.Precompiled(nmt),N.Replace(Regex(' {2,}'),' ')]),ms('always',False),D.Metaspace('▁','always',False))
unigram('albert',N.Sequence([N.Replace('``','"'),N.Replace("''",'"'),N.NFKD(),N.StripAccents(),N.Lowercase(),N.Precompiled(nmt)]),ms('always'),D.Metaspace('▁','always'))
unigram('unigram_bytes',None if False else N.NFC(),ms('never'),D.Sequence([D.ByteFallback(),D.Metaspace('▁','never')]),None,True)
# byte level
LLAMA3=r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN=r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
def bl(name,pre,norm=None,full=True,**k):
    post=k.pop('post',None); ignore=k.pop('ignore',False); dec=k.pop('dec',D.ByteLevel()); drop=k.pop('drop',0)
    t=Tokenizer(models.BPE(**k))
    if norm: t.normalizer=norm
    t.pre_tokenizer=pre; t.decoder=dec
    kk={'continuing_subword_prefix':k.get('continuing_subword_prefix'),'end_of_word_suffix':k.get('end_of_word_suffix')}
    kk={a:b for a,b in kk.items() if b}
    trained(t,trainers.BpeTrainer(vocab_size=VOCAB,special_tokens=[k['unk_token']] if 'unk_token' in k else [],initial_alphabet=P.ByteLevel.alphabet() if full else [],show_progress=False,**kk))
    j=json.loads(t.to_str()); j['model']['ignore_merges']=ignore
    t=Tokenizer.from_str(json.dumps(j))
    if post: t.post_processor=post(t)
    finish(t,name)
BL=lambda **k: P.ByteLevel(**{'add_prefix_space':False,'use_regex':False,**k})
bl('llama3',P.Sequence([P.Split(Regex(LLAMA3),'isolated'),BL()]),ignore=True)
bl('qwen',P.Sequence([P.Split(Regex(QWEN),'isolated'),BL()]),N.NFC())
bl('falcon',P.Sequence([P.Punctuation('contiguous'),BL(use_regex=True),P.Digits(False),P.Split(Regex('[0-9][0-9][0-9]'),'isolated')]),unk_token='<unk>')
bl('starcoder',P.Sequence([P.Digits(True),BL(use_regex=True)]))
bl('roberta',BL(use_regex=True,add_prefix_space=True),post=lambda t:R.RobertaProcessing(('<eos>',VOCAB+1),('<mask>',VOCAB)) if False else R.ByteLevel())
bl('deepseek',P.Sequence([P.Split(Regex('[\r\n]'),'isolated'),P.Split(Regex(r'\s?\p{L}+'),'isolated'),P.Split(Regex(r'\s?\p{P}+'),'isolated'),P.Split(Regex('[一-龥ࠀ-一가-퟿]+'),'isolated'),P.Digits(True),BL()]))
bl('unk_without_all_bytes',BL(use_regex=True),full=False,unk_token='<unk>')
bl('byte_level_normalizer',P.Split(Regex('Ġ?[^Ġ]+'),'isolated'),N.Sequence([N.NFC(),N.ByteLevel()]))
CL=r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
bl('clip',P.Sequence([P.Split(Regex(CL),'removed',invert=True),BL()]),N.Sequence([N.NFC(),N.Replace(Regex(r'\s+'),' '),N.Lowercase()]),unk_token='<unk>',end_of_word_suffix='</w>',dec=D.Sequence([D.ByteLevel()]) )
bl('openai_gpt',P.BertPreTokenizer(),N.BertNormalizer(),full=False,unk_token='<unk>',end_of_word_suffix='</w>',dec=D.BPEDecoder('</w>'))
bl('bpe_prefix',P.Whitespace(),None,full=False,unk_token='<unk>',continuing_subword_prefix='##',dec=D.WordPiece('##',False))
bl('unicode_scripts',P.Sequence([P.UnicodeScripts(),P.WhitespaceSplit()]),N.NFKC(),full=False,unk_token='<unk>',dec=D.Fuse())
bl('unicode_scripts_alone',P.UnicodeScripts(),None,full=False,unk_token='<unk>',dec=D.Fuse())
bl('fixed_length',P.FixedLength(4),None,full=False,unk_token='<unk>',fuse_unk=True,dec=D.Fuse())
print(made)
