"""Lists of one stage a line and epoch: integers or words, with comments (YASA), or with the head of Elan's .hyp.

The head of Elan, as Visbrain (https://visbrain.org/sleep) reads and writes it: lines such as ``time_base 30``, then
``epoch_list``; its integers are Rechtschaffen & Kales.
"""

from __future__ import annotations

import re
from collections import Counter

from sleepdask.io.scores.base import START, Options, Rows, ScoreFormat, Scores
from sleepdask.io.scores.file import ScoreFile
from sleepdask.io.scores.numbers import LONGEST_EPOCH, USUAL_EPOCH, seconds_ns
from sleepdask.io.scores.table import column_name
from sleepdask.io.scores.vocabularies import INTEGERS, column_stages, integer_of, word_stage

_ELAN = "epoch_list"
_MOST_OTHERS = 10  # different words that are no stages
_PER_SECONDS = re.compile(r"\bper (\d+(?:\.\d+)?) ?s(?:ec(?:onds?)?)?\b", re.IGNORECASE)


def _is_stage(token: str) -> bool:
    return integer_of(token) in INTEGERS["r&k"] or word_stage(token) is not None


def _fits(file: ScoreFile) -> bool:
    """Whether most lines but comments and a head are stages, and few other words are there.

    Counts of movement (actigraphy) are a list of integers too, of which many could be stages.
    """
    if file.is_xml or _ELAN in (line.strip() for line in file.lines[:20]):
        return not file.is_xml
    lines = [line.strip() for line in file.lines]
    tokens = [line for line in lines if line and not line.startswith("#")]
    if tokens and column_name(tokens[0]) == "stage":
        del tokens[0]
    words = Counter(tokens)
    others = [word for word in words if not _is_stage(word)]
    return len(others) <= _MOST_OTHERS and words.total() > 2 * sum(words[word] for word in others)


def _read(file: ScoreFile, options: Options) -> Scores:
    lines = [line.strip() for line in file.lines]
    head: dict[str, str] = {}
    vocabulary = options.vocabulary
    if _ELAN in lines[:20]:
        head = {name: value for name, _, value in (line.partition(" ") for line in lines[: lines.index(_ELAN)])}
        lines = lines[lines.index(_ELAN) + 1 :]
        vocabulary = vocabulary or "r&k"
    said = "\n".join(line for line in lines if line.startswith("#"))
    labels = [line for line in lines if line and not line.startswith("#")]
    if labels and column_name(labels[0]) == "stage":
        del labels[0]
    if not labels:
        raise file.refusal("the list holds no stage")
    stage_of = column_stages(set(labels), file, vocabulary, said)
    if not any(stage_of[label] is not None for label in stage_of):
        raise file.refusal("none of the labels is a known stage", found=f"{len(stage_of)} different ones")
    stated = head.get("time_base") or next(iter(_PER_SECONDS.findall(said)), None)
    epoch = options.epoch_length or (USUAL_EPOCH if stated is None else seconds_ns(stated, file, 0, "epoch"))
    if not 0 < epoch <= LONGEST_EPOCH:
        raise file.refusal("no length of an epoch", expected="above 0, at most an hour", found=f"{epoch / 1e9:g} s")
    count = len(labels)
    if "epoch_nb" in head and head["epoch_nb"].strip() != str(count):
        said = f"the head announces {head['epoch_nb'].strip()[:20]} epochs, {count} are there"
        file.findings.warn("count", said, "those that are there are read")
    onsets = list(range(0, count * epoch, epoch))
    stages = [stage_of[label] for label in labels]
    rows = Rows(onsets, [epoch] * count, labels, stages, [""] * count, list(range(count)))
    return Scores(START, rows, epoch=epoch, epoch_assumed=stated is None and options.epoch_length is None)


FORMAT = ScoreFormat("list", "a list of one stage a line", _fits, _read, frozenset({"vocabulary", "epoch_length"}))
