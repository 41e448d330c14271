"""Whether large or small values are good, as far as a measure's name says so in whole words."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["larger_is_better"]

LARGER = """
    accuracy accuracies acc score scores correct r2 rsquared d2
    auc auroc aucroc rocauc roc auprc aupr prauc ap map mrr ndcg dcg
    f1 f2 f05 fbeta fscore fmeasure precision recall sensitivity specificity selectivity
    tpr tnr ppv npv gmean youden informedness markedness mcc matthews kappa qwk
    iou miou jaccard dice pearson pearsonr spearman spearmanr psnr ssim bleu rouge
"""
SMALLER = """
    cost costs loss losses error errors err misclassification misclassified misclassifications
    mistakes incorrect mse rmse mae mape smape wmape mspe msle rmsle medae nrmse sse rss mase
    deviance perplexity ppl nll logloss crossentropy bce cce xent kl kld brier hinge huber pinball
    quantile crps fpr fnr fdr eer wer cer regret risk
"""
# Words that turn, or may turn, what stands beside them: a fall of the accuracy, 1 - AUC.
DOUBTFUL = """
    minus negative negated inverse inverted reciprocal complement no non not anti
    drop fall gap decrease decline reduction degradation improvement increase gain rise change
    delta diff difference ratio std stdev sd sem var variance spread range time seconds
"""
# True for large values, False for small ones, None in doubt.
WORDS: dict[str, bool | None] = {
    word: kind
    for text, kind in ((LARGER, True), (SMALLER, False), (DOUBTFUL, None))
    for word in text.split()
}
# Words that belong together, which as one say something else.
PHRASES: dict[str, bool | None] = {
    "d2 absolute error": True,
    "d2 brier": True,
    "d2 log loss": True,
    "d2 pinball": True,
    "explained deviance": True,
    "explained variance": True,
    "f beta": True,
    "f measure": True,
    "r 2": True,
    "r squared": True,
    "brier score": False,
    "cross entropy": False,
    "davies bouldin score": False,
    "energy score": False,
    "interval score": False,
    "neg log likelihood": False,
    "negative log likelihood": False,
    "log score": None,
}
# scikit-learn's word before a loss that is turned round so that large is good.
NEGATION = "neg"
# A minus sign in front, as in "1 - accuracy".
MINUS = re.compile("(?:^|(?<=[\\s_(]))1?\\s*[-\N{MINUS SIGN}]")
PART = re.compile(r"[^\W_]+")
# The words within a part that is none: "validationAccuracy", "F1Score".
WITHIN = re.compile(r"[A-Z]+\d*(?![a-z])|[A-Z]?[a-z]+\d*|\d+")


def larger_is_better(name: str) -> bool:
    """Return whether ``name`` says that large values are good.

    Its words are looked up as a whole, whatever their case: "score" is none in "underscore".
    "neg" before a word of small values turns it, as in scikit-learn's "neg_log_loss".

    Raises
    ------
    ValueError
        If no word says it, or they disagree.
    """
    found = _found(name)
    larger, smaller, doubtful = (
        [word for word, kind in found if kind is wanted] for wanted in (True, False, None)
    )
    if NEGATION in doubtful and smaller and not larger:
        doubtful.remove(NEGATION)
        larger, smaller = smaller, larger
    if larger and smaller:
        why = f"{larger[0]!r} asks for large and {smaller[0]!r} for small ones"
    elif doubtful and (larger or smaller):
        why = f"{doubtful[0]!r} leaves it open"
    elif not larger and not smaller:
        why = "no word of it is known"
    else:
        return bool(larger)
    raise ValueError(
        f"mode: expected 'max' or 'min', since monitor={name!r} does not say whether large or "
        f"small values are good ({why}); got 'auto'"
    )


def _found(name: str) -> list[tuple[str, bool | None]]:
    """Return the known words and phrases of a name, each with what it says."""
    words = _words(name)
    found: list[tuple[str, bool | None]] = []
    while words:
        phrases = (" ".join(words[:n]) for n in (3, 2))
        phrase = next((each for each in phrases if each in PHRASES), "")
        if phrase:
            found.append((phrase, PHRASES[phrase]))
        elif words[0] in WORDS or words[0] == NEGATION:
            found.append((words[0], WORDS.get(words[0])))
        words = words[len(phrase.split()) or 1 :]
    return found


def _words(name: str) -> list[str]:
    """Return the words of a name in lower case; "R²" is "r2"."""
    words: list[str] = []
    for part in PART.findall(MINUS.sub(" minus ", unicodedata.normalize("NFKC", name))):
        words += [part] if part.lower() in WORDS else WITHIN.findall(part) or [part]
    return [word.lower() for word in words]
