"""The sections of a training config; unknown keys are errors."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

#: A constant, or points (share of the training, weight) with straight lines between them.
Weight = float | list[tuple[float, float]]


class Section(BaseModel):
    """A part of the config; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class ZblSection(Section):
    """A short-range repulsion beside the network, see :class:`tlmlp.models.zbl.Zbl`."""

    #: Å; between these it goes to zero.
    inner: float = Field(gt=0)
    outer: float = Field(gt=0)

    @model_validator(mode="after")
    def _rising(self) -> "ZblSection":
        if self.inner >= self.outer:
            raise ValueError(f"`inner` must be smaller than `outer`, got {self.inner} and {self.outer}")
        return self


class ModelSection(Section):
    """The network. Sizes left out take the defaults of :class:`tlmlp.models.DimeNetPPConfig`, or those of the source
    in a transfer."""

    #: Radius of the neighbourhood, Å; may be left out in a transfer. An atom of a solid has 1700 neighbours within 20 Å.
    cutoff: float | None = Field(None, gt=0, le=20)
    #: Chemical symbols in the order of the model's species; left out: the elements of the training set.
    species: list[str] | None = Field(None, min_length=1)
    embed_size: int | None = None
    out_size: int | None = None
    int_emb_size: int | None = None
    basis_emb_size: int | None = None
    atom_emb_size: int | None = None
    n_blocks: int | None = None
    num_spherical: int | None = None
    num_radial: int | None = None
    envelope_exponent: int | None = None
    n_residual_before: int | None = None
    n_residual_after: int | None = None
    n_dense_output: int | None = None
    #: A repulsion at short distance: radii, ``auto`` for those of :mod:`tlmlp.train.wall`, or ``none``.
    zbl: ZblSection | Literal["auto", "none"] = "auto"

    @field_validator("zbl", mode="before")
    @classmethod
    def _null_is_none(cls, value: Any) -> Any:
        return "none" if value is None else value

    def sizes(self) -> dict[str, Any]:
        """The network sizes that were given."""
        others = ("cutoff", "species", "zbl")
        return {name: value for name, value in self if value is not None and name not in others}


class ExtraSet(Section):
    """Further training frames with a weight of their own."""

    files: list[str] = Field(min_length=1)
    #: Factor of these frames in the loss.
    weight: float = Field(1.0, ge=0)
    #: Frames of this set in every batch, beside the `batch_size` others; left out: drawn with the others.
    per_batch: int | None = Field(None, ge=1)

    @field_validator("files", mode="before")
    @classmethod
    def _one_file_is_a_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class DataSection(Section):
    """Which frames train the model and which choose the best one. A file name may carry an index: ``FILE@:10``."""

    train: list[str] | None = Field(None, min_length=1)
    val: list[str] | None = Field(None, min_length=1)
    #: Instead of `train`: `n_train` frames are drawn from it, and `n_val` others unless `val` is given.
    pool: list[str] | None = Field(None, min_length=1)
    n_train: int | None = Field(None, ge=1)
    n_val: int | None = Field(None, ge=1)
    #: More training sets, mixed in.
    extra: list[ExtraSet] = []
    #: Of the draw; subsets of one seed are nested.
    subset_seed: int = Field(0, ge=0)
    #: Draw the groups in proportion to their sizes.
    by_group: bool = False
    exclude_groups: list[str] = []
    #: (i, k): every k-th of the training frames, beginning with number i, is a validation frame instead.
    fold: tuple[int, int] | None = None
    #: `folds`: the settings are chosen by cross-validation within the training frames, see section `folds`.
    validation: Literal["frames", "folds"] = "frames"
    energy_key: str | None = None
    forces_key: str | None = None
    stress_key: str | None = None
    #: Labels that the files do not have, whatever their keys are called.
    absent: list[Literal["energy", "forces", "stress"]] = []
    #: Elements of files that number their kinds of atoms (LAMMPS dumps, MTP), in that order.
    types: list[str] | None = Field(None, min_length=1)

    @field_validator("train", "val", "pool", mode="before")
    @classmethod
    def _one_file_is_a_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _consistent(self) -> "DataSection":
        if (self.train is None) == (self.pool is None):
            raise ValueError("give either `train` or `pool`")
        if self.pool is None and self.n_val is not None:
            raise ValueError("`n_val` draws from `pool`, which is not given")
        if self.pool is not None and self.n_train is None:
            raise ValueError("`pool` needs `n_train`, the number of frames to draw from it")
        if self.val is not None and self.n_val is not None:
            raise ValueError("give either `val` or `n_val`, not both")
        if self.fold is not None and not 0 <= self.fold[0] < self.fold[1]:
            raise ValueError(f"`fold` is a number from 0 and how many there are, such as [0, 3], got {list(self.fold)}")
        apart = [name for name in ("val", "n_val") if getattr(self, name) is not None]
        if apart and (self.fold is not None or self.validation == "folds"):
            raise ValueError(f"validation frames come from the training frames: leave out `{apart[0]}`")
        return self

    @property
    def validates(self) -> bool:
        """Whether there are validation frames."""
        return self.val is not None or self.n_val is not None or self.fold is not None


class FoldsSection(Section):
    """Cross-validation within the training frames, for ``data.validation: folds``: see :mod:`tlmlp.train.folds`."""

    #: Parts that the frames are divided into; each is predicted by a model trained on the others.
    number: int = Field(3, ge=2)
    #: Entries of the config to the values to try, in all combinations.
    choices: dict[str, list[Any]] = {"training.learning_rate": [3e-4, 1e-3]}

    @field_validator("choices", mode="after")
    @classmethod
    def _something_to_try(cls, value: dict[str, list[Any]]) -> dict[str, list[Any]]:
        empty = [key for key, values in value.items() if not values]
        if empty:
            raise ValueError(f"`{empty[0]}` needs values to try")
        return value


class LossSection(Section):
    """What is fitted: a weighted sum of mean squares. ``loss: forces`` stands for forces alone."""

    #: Weights of the mean squares of force components ((eV/Å)^2), energies per atom ((eV/atom)^2) and the six stress
    #: components (GPa^2). ``auto``: where frames have the label, see :mod:`tlmlp.train.label_weights`.
    forces: Weight = 1.0
    energy: Weight | Literal["auto"] = "auto"
    stress: Weight | Literal["auto"] = "auto"
    #: Beyond these deviations (eV/Å, eV/atom, GPa) the loss grows linearly (Huber).
    huber_forces: float | None = Field(None, gt=0)
    huber_energy: float | None = Field(None, gt=0)
    huber_stress: float | None = Field(None, gt=0)
    #: How the energy per atom that is added to the network's is found, see :mod:`tlmlp.train.energy_shift`.
    energy_shift: Literal["least-squares", "mean", "isolated", "none"] = "least-squares"
    #: eV, for `isolated`; elements left out take the energy of their isolated atom in the training data.
    isolated_energies: dict[str, float] | None = None

    @model_validator(mode="before")
    @classmethod
    def _forces_alone(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value != "forces":
                raise ValueError(f"expects `forces` (forces alone) or a section of weights, got {value!r}")
            return {"forces": 1.0, "energy": 0.0, "stress": 0.0}
        return value

    @field_validator("forces", "energy", "stress", mode="before")
    @classmethod
    def _number_or_points(cls, value: Any, info: ValidationInfo) -> Any:
        if value == "auto" and info.field_name != "forces":
            return value
        numbers = (int, float)
        if isinstance(value, numbers) and not isinstance(value, bool):
            if not 0.0 <= value < float("inf"):
                raise ValueError(f"a weight must not be negative, got {value}")
            return float(value)
        try:
            points = [(float(share), float(weight)) for share, weight in value]
        except (TypeError, ValueError):
            raise ValueError(
                f"expects a number or points [[share of the training, weight], ...], got {value!r}"
            ) from None
        shares = [share for share, _ in points]
        if not points or shares != sorted(set(shares)) or shares[0] < 0.0 or shares[-1] > 1.0:
            raise ValueError(f"the shares of the training must rise from 0 to 1 at most, got {shares}")
        if min(weight for _, weight in points) < 0.0:
            raise ValueError(f"a weight must not be negative, got {value!r}")
        return points

    @model_validator(mode="after")
    def _something_to_fit(self) -> "LossSection":
        if not any(self.uses(term) for term in ("forces", "energy", "stress")):
            raise ValueError("all weights are zero: there is nothing to fit")
        if self.energy_shift != "isolated" and self.isolated_energies is not None:
            raise ValueError("`isolated_energies` (eV per element) are for `energy_shift: isolated`")
        return self

    def uses(self, term: str) -> bool:
        """Whether the weight of ``term`` is ever above zero, or found from the frames."""
        weight = getattr(self, term)
        if weight == "auto":
            return True
        return weight > 0.0 if isinstance(weight, float) else any(w > 0.0 for _, w in weight)

    def requires(self, term: str) -> bool:
        """Whether every frame must have the label ``term``."""
        return getattr(self, term) != "auto" and self.uses(term)


class TrainingSection(Section):
    """The optimisation: Adam, with the rate at each update given by :mod:`tlmlp.train.schedule`."""

    updates: int = Field(5000, ge=1)
    batch_size: int = Field(5, ge=1)
    learning_rate: float = Field(4e-3, gt=0)
    #: How the rate falls from `learning_rate` to `final_rate_factor` times that.
    schedule: Literal["exponential", "cosine", "linear", "steps", "constant"] = "exponential"
    final_rate_factor: float = Field(0.01, gt=0)
    #: Drops of the schedule `steps`.
    schedule_steps: int = Field(3, ge=1)
    #: Updates over which the rate first rises from zero.
    warmup: int = Field(0, ge=0)
    #: Largest Euclidean norm of the gradient; longer ones are scaled down.
    clip_gradient: float | None = Field(None, gt=0)
    #: Decoupled weight decay d (AdamW): every update takes the share rate·d from each parameter.
    weight_decay: float = Field(0.0, ge=0)
    #: Decay per update of a running mean of the parameters, which is then what is validated and kept.
    ema: float | None = Field(None, gt=0, lt=1)
    #: The model to keep: the best on the validation frames, the last, or the mean over the last updates.
    keep: Literal["best", "last", "average"] = "best"
    #: Share of the updates, at the end, that `keep: average` takes the mean of.
    average_share: float = Field(0.1, gt=0, le=1)
    #: Stop after so many validations without a better model.
    patience: int | None = Field(None, ge=1)
    #: Standard deviation (Å) of a displacement of every atom, drawn anew for every update.
    position_noise: float = Field(0.0, ge=0)
    validate_every: int = Field(100, ge=1)
    #: Left out: as often as validation.
    checkpoint_every: int | None = Field(None, ge=1)
    keep_checkpoints: int = Field(2, ge=1)
    #: Of the initial weights.
    seed: int = Field(0, ge=0)
    #: Of the order of the frames; left out: `seed`.
    shuffle_seed: int | None = Field(None, ge=0)
    #: Of the displacements; left out: `seed`.
    noise_seed: int | None = Field(None, ge=0)
    #: Of the parameters; left out: float32, or that of the source in a transfer.
    dtype: Literal["float32", "float64"] | None = None
    #: "ops" (compiled) or "plain" (standard torch operators).
    route: Literal["ops", "plain"] = "ops"
    #: Where losses are evaluated: cpu, cuda, or cuda:N. Checkpoints are the same, see :mod:`tlmlp.train.placement`.
    device: str = Field("cpu", pattern=r"^(cpu|cuda(:\d{1,3})?)$")
    #: On a GPU: sums in a fixed order, the same bits in every run. On the CPU they always are.
    deterministic: bool = False
    #: Left out: torch's own number.
    threads: int | None = Field(None, ge=1, le=1024)
    #: Write the metrics for TensorBoard too.
    tensorboard: bool = False

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        seed = content.get("seed", 0)
        defaults = {
            "shuffle_seed": seed,
            "noise_seed": seed,
            "checkpoint_every": content.get("validate_every", 100),
        }
        return {**content, **{name: value for name, value in defaults.items() if content.get(name) is None}}

    @model_validator(mode="after")
    def _consistent(self) -> "TrainingSection":
        if self.patience is not None and self.keep == "average":
            raise ValueError("`keep: average` needs a fixed number of updates, which `patience` does not give")
        if self.warmup >= self.updates:
            raise ValueError(f"`warmup` ({self.warmup}) must be shorter than the training ({self.updates} updates)")
        return self


class TransferSection(Section):
    """How a transfer starts from its source, and what is trained; by default all parameters, at one rate."""

    #: For elements without a source: refuse, or begin from the mean of the source's embeddings, or at random.
    new_species: Literal["refuse", "mean", "random"] = "refuse"
    #: Groups of parameters that stay as they are, see :mod:`tlmlp.train.groups`.
    frozen: list[str] = []
    #: Factor on the learning rate of a group.
    learning_rates: dict[str, float] = {}
    #: Groups that are frozen until the given update.
    unfreeze: dict[str, int] = {}
    #: Strength a (per (eV/Å)^2 of the loss) of the term a/2 |p - p0|^2 with the source's parameters p0.
    l2_sp: float = Field(0.0, ge=0)
    #: Data of the source to go on training on, by default one frame in every batch.
    replay: ExtraSet | None = None
    #: Whether the two scales below are fitted to the training frames, see :mod:`tlmlp.train.rescale`: `auto` where no
    #: element of the source is kept and the fit lowers the errors; `fit` always, or it is an error; `none`.
    rescale: Literal["auto", "fit", "none"] = "auto"
    #: Lengths of the new model over those of the source, e.g. the ratio of lattice constants; scales the cutoff too.
    #: Where one of the two is given nothing is fitted, and the other is 1.
    length_scale: float | None = Field(None, gt=0)
    #: Energies of the new model over those of the source, e.g. the ratio of cohesive energies.
    energy_scale: float | None = Field(None, gt=0)

    @field_validator("replay", mode="after")
    @classmethod
    def _in_every_batch(cls, value: ExtraSet | None) -> ExtraSet | None:
        return value.model_copy(update={"per_batch": 1}) if value is not None and value.per_batch is None else value

    @model_validator(mode="after")
    def _sensible(self) -> "TransferSection":
        if any(factor < 0.0 for factor in self.learning_rates.values()):
            raise ValueError(f"`learning_rates` are factors of at least zero, got {self.learning_rates}")
        if any(update < 0 for update in self.unfreeze.values()):
            raise ValueError(f"`unfreeze` counts updates from zero, got {self.unfreeze}")
        return self


class Range(Section):
    """Values that a search may try: ``choices``, or numbers from ``low`` to ``high``."""

    choices: list[Any] | None = Field(None, min_length=1)
    low: float | None = None
    high: float | None = None
    #: Even in the logarithm.
    log: bool = False

    @model_validator(mode="after")
    def _one_of_the_two(self) -> "Range":
        if (self.choices is None) == (self.low is None or self.high is None):
            raise ValueError("give either `choices`, or `low` and `high`")
        if self.low is not None and self.high is not None and not (0.0 < self.low < self.high or not self.log):
            raise ValueError(f"`log` needs 0 < low < high, got {self.low} and {self.high}")
        return self


class TuneSection(Section):
    """What ``tlmlp tune`` searches; trainings ignore it."""

    #: Entry of the config to the values to try.
    space: dict[str, Range] = {
        "training.learning_rate": Range(low=3e-4, high=1e-2, log=True),
        "training.batch_size": Range(choices=[2, 5, 10]),
        "training.final_rate_factor": Range(choices=[0.1, 0.01, 0.001]),
    }
    seed: int = Field(0, ge=0)
