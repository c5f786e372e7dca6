"""Makes the pictures of the pages out of a real night: ``python docs/make_pictures.py FOLDER [OUTPUT]``.

FOLDER holds the recording SC4001E0 of Sleep-EDF (Kemp et al. 2000, doi:10.1109/10.867928; ODC-By), and its scores.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import sleepdask as sd

_FRONT, _BACK = "EEG Fpz-Cz", "EEG Pz-Oz"
_BESIDE = np.timedelta64(15, "m")  # awake in bed before and after sleep
_SHOWN = (
    *("bandpower_delta_db", "bandpower_theta_relative", "bandpower_alpha_relative", "bandpower_sigma_relative"),
    *("bandpower_beta_db", "spectral_edge_95", "spectral_entropy", "aperiodic_slope"),
)


def main(folder: Path, output: Path) -> None:
    """Make all of them."""
    night = sd.open_recording(folder / "SC4001E0-PSG.edf")
    scores = sd.read_hypnogram(folder / "SC4001EC-Hypnogram.edf")
    options: dict[str, Any] = {"hypnogram": scores, **_in_bed(scores)}
    features = sd.compute(sd.extract(night, "bandpower:log=yes,aperiodic", channels="EEG*", **options))
    output.mkdir(parents=True, exist_ok=True)
    sd.features_by_stage(features, _FRONT, _SHOWN).savefig(output / "features-by-stage.png")
    for channel, name in ((_FRONT, "spectra-front.png"), (_BACK, "spectra-back.png")):
        power = sd.compute(sd.spectrogram(night, channel, fmax=30, **options))
        sd.spectra_by_stage(power, features["stage"].values).savefig(output / name)


def _in_bed(scores: xr.Dataset) -> dict[str, Any]:
    """Span from some time before the first epoch of sleep to some time after the last."""
    asleep = scores.isel(score=np.flatnonzero(np.isin(scores["stage"].values, ["N1", "N2", "N3", "R"])))
    last = asleep["onset"].values[-1] + asleep["duration"].values[-1]
    return {"start": asleep["onset"].values[0] - _BESIDE, "end": last + _BESIDE}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "pictures")
