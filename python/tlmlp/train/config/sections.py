"""The sections of a training config; unknown keys are errors."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from tlmlp.presets import PRESETS, Preset

#: A list of files; a single name stands for a list of one.
Files = Annotated[
    list[str],
    Field(min_length=1),
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]

#: A constant, or points (share of the training, weight) with straight lines between them.
Weight = float | list[tuple[float, float]]

#: Terms of the loss, each with a weight of its own in the section `loss`.
TERMS = ("forces", "energy", "stress")


class Section(BaseModel):
    """A part of the config; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), use_attribute_docstrings=True)


class ZblSection(Section):
    """A short-range repulsion beside the network, see :class:`tlmlp.models.zbl.Zbl`."""

    inner: float = Field(gt=0)
    """Distance (Å) below which the repulsion acts in full."""
    outer: float = Field(gt=0)
    """Distance (Å) beyond which the repulsion is zero."""

    @model_validator(mode="after")
    def _rising(self) -> "ZblSection":
        if self.inner >= self.outer:
            raise ValueError(f"`inner` must be smaller than `outer`, got {self.inner} and {self.outer}")
        return self


class ModelSection(Section):
    """The network. Sizes left out take the defaults of :class:`tlmlp.models.DimeNetPPConfig`, or those of the source
    in a transfer."""

    cutoff: float | None = Field(None, gt=0, le=20)
    """Radius of the neighbourhood in Å. A training needs it; a transfer takes it from its source. An atom of a solid
    has 1700 neighbours within 20 Å, the largest value.
    """
    species: list[str] | None = Field(None, min_length=1)
    """Chemical symbols in the order of the model's species. Left out: the elements of the training frames."""
    preset: Preset | None = None
    """Sizes by name: `small`, `quarter` (as without a preset) or `full`, the original DimeNet++. Sizes that are given
    beside it win.
    """
    embed_size: int | None = None
    """Width of the messages. This and the other sizes default to a quarter of the original DimeNet++; a transfer takes
    all of them from its source.
    """
    out_size: int | None = None
    """Width of the output networks; twice `embed_size` unless given."""
    int_emb_size: int | None = None
    """Width of the messages inside the directional sum; half of `embed_size` unless given."""
    basis_emb_size: int | None = None
    """Width between the two layers that act on a basis."""
    atom_emb_size: int | None = None
    """Length of the vector that stands for an element; half of `embed_size` unless given."""
    n_blocks: int | None = None
    """Number of interaction blocks."""
    num_spherical: int | None = None
    """Number of orders l of the directional basis."""
    num_radial: int | None = None
    """Number of radial functions."""
    envelope_exponent: int | None = None
    """Exponent p of the envelope that takes the basis to zero at the cutoff."""
    n_residual_before: int | None = None
    """Residual layers of a block before its skip connection."""
    n_residual_after: int | None = None
    """Residual layers of a block after its skip connection."""
    n_dense_output: int | None = None
    """Dense layers of an output block."""
    zbl: ZblSection | Literal["auto", "none"] = "auto"
    """The repulsion at short distance: `auto` takes the radii from the elements and the data, `none` leaves it out, and
    `{inner: 1.6, outer: 1.9}` gives the distances (Å) between which it goes to zero.
    """

    @field_validator("zbl", mode="before")
    @classmethod
    def _null_is_none(cls, value: Any) -> Any:
        return "none" if value is None else value

    def sizes(self) -> dict[str, Any]:
        """The network sizes that were given, those of the preset included."""
        others = ("cutoff", "species", "zbl", "preset")
        given = {name: value for name, value in self if value is not None and name not in others}
        return (PRESETS[self.preset] if self.preset else {}) | given


class ExtraSet(Section):
    """Further training frames with a weight of their own."""

    files: Files
    """A file or a list of files."""
    weight: float = Field(1.0, ge=0)
    """Factor of these frames in the loss."""
    per_batch: int | None = Field(None, ge=1)
    """Frames of this set in every batch, beside the `batch_size` others. Left out: they are drawn with the others."""


class DataSection(Section):
    """Which frames train the model and which choose the best one. A file name may carry an index: ``FILE@:10``."""

    train: Files | None = None
    """Training frames: a file or a list of files."""
    val: Files | None = None
    """Validation frames: a file or a list of files."""
    pool: Files | None = None
    """Instead of `train`: files from which `n_train` frames are drawn, and `n_val` others unless `val` is given."""
    n_train: int | None = Field(None, ge=1)
    """Number of training frames to draw from `pool`; it also cuts down `train`."""
    n_val: int | None = Field(None, ge=1)
    """Number of validation frames to draw from `pool`."""
    extra: list[ExtraSet] = []
    """Further training sets, each a list of `files` with its `weight` in the loss and its number `per_batch`."""
    subset_seed: int = Field(0, ge=0)
    """Seed of the draw. Draws of one seed are nested: 40 frames contain the 10."""
    by_group: bool = False
    """Draw every group in proportion to its size."""
    exclude_groups: list[str] = []
    """Groups to leave out."""
    fold: tuple[int, int] | None = None
    """`[i, k]`: every k-th training frame, beginning with number i, is a validation frame instead."""
    validation: Literal["frames", "folds"] = "frames"
    """`folds`: the settings are chosen by cross-validation within the training frames, see section `folds`."""
    energy_key: str | None = None
    """Name of the energy in the files. Left out: REF_energy and common spellings."""
    forces_key: str | None = None
    """Name of the forces in the files. Left out: REF_forces and common spellings."""
    stress_key: str | None = None
    """Name of the stress in the files. Left out: REF_stress and common spellings."""
    absent: list[Literal["energy", "forces", "stress"]] = []
    """Labels that the files do not have, such as `[stress]`, whatever their keys are called."""
    types: list[str] | None = Field(None, min_length=1)
    """Elements of files that number their kinds of atoms (LAMMPS dumps, MTP), in that order."""

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
    """Cross-validation within the training frames, for ``data.validation: folds``: see :mod:`tlmlp.train.loop.folds`."""

    number: int = Field(3, ge=2)
    """Parts that the frames are divided into. Each is predicted by a model trained on the others."""
    choices: dict[str, list[Any]] = {"training.learning_rate": [3e-4, 1e-3]}
    """Entries of the config with the values to try, in all combinations."""

    @field_validator("choices", mode="after")
    @classmethod
    def _something_to_try(cls, value: dict[str, list[Any]]) -> dict[str, list[Any]]:
        empty = [key for key, values in value.items() if not values]
        if empty:
            raise ValueError(f"`{empty[0]}` needs values to try")
        return value


class LossSection(Section):
    """What is fitted: a weighted sum of mean squares. ``loss: forces`` stands for forces alone."""

    forces: Weight = 1.0
    """Weight of the mean square of the force components, (eV/Å)²: a number, or points (share of the training, weight) with
    straight lines between them.
    """
    energy: Weight | Literal["auto"] = "auto"
    """Weight of the mean square of the energies per atom, (eV/atom)². `auto` takes it from the data's scales where frames
    have energies.
    """
    stress: Weight | Literal["auto"] = "auto"
    """Weight of the mean square of the six stress components, GPa². `auto` takes it from the data's scales where frames
    have stresses.
    """
    huber_forces: float | None = Field(None, gt=0)
    """Deviation d (eV/Å) beyond which the square r² becomes 2 d |r| − d² (Huber)."""
    huber_energy: float | None = Field(None, gt=0)
    """Deviation (eV/atom) beyond which the loss of an energy grows linearly."""
    huber_stress: float | None = Field(None, gt=0)
    """Deviation (GPa) beyond which the loss of a stress grows linearly."""
    energy_shift: Literal["least-squares", "mean", "isolated", "none"] = "least-squares"
    """How the energy per atom that is added to the network's is found: `least-squares` over the species, `mean` (one value
    per atom), `isolated` (energies of isolated atoms), or `none`.
    """
    isolated_energies: dict[str, float] | None = None
    """Energy (eV) of an isolated atom of each element, for `energy_shift: isolated`. Elements left out take that of their
    isolated atom in the training data.
    """

    @model_validator(mode="before")
    @classmethod
    def _forces_alone(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value != "forces":
                raise ValueError(f"expects `forces` (forces alone) or a section of weights, got {value!r}")
            return {"forces": 1.0, "energy": 0.0, "stress": 0.0}
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"const": "forces"}, handler.resolve_ref_schema(handler(core_schema))]}

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
        if not any(self.uses(term) for term in TERMS):
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
    """The optimisation: Adam, with the rate at each update given by :mod:`tlmlp.train.optimise.schedule`."""

    updates: int = Field(5000, ge=1)
    """Number of updates."""
    batch_size: int = Field(5, ge=1)
    """Frames in a batch; all of them where there are fewer."""
    learning_rate: float = Field(4e-3, gt=0)
    """Learning rate of Adam at the first update."""
    schedule: Literal["exponential", "cosine", "linear", "steps", "constant"] = "exponential"
    """How the rate falls from `learning_rate` to `final_rate_factor` times that."""
    final_rate_factor: float = Field(0.01, gt=0)
    """Rate of the last update over that of the first."""
    schedule_steps: int = Field(3, ge=1)
    """Number of equal drops of the schedule `steps`."""
    warmup: int = Field(0, ge=0)
    """Updates over which the rate first rises from zero."""
    clip_gradient: float | None = Field(None, gt=0)
    """Largest Euclidean norm of the gradient; longer ones are scaled down."""
    weight_decay: float = Field(0.0, ge=0)
    """Decoupled weight decay d (AdamW): every update takes the share rate·d from each parameter."""
    ema: float | None = Field(None, gt=0, lt=1)
    """Decay per update of a running mean of the parameters, for example 0.999. The mean is then validated and kept."""
    keep: Literal["best", "last", "average"] = "best"
    """The model to keep: `best` on the validation frames, `last`, or `average` of the last updates. The latter two need no
    validation data.
    """
    average_share: float = Field(0.1, gt=0, le=1)
    """Share of the updates, at the end, that `keep: average` takes the mean of."""
    patience: int | None = Field(None, ge=1)
    """Stop after so many validations without a better model."""
    position_noise: float = Field(0.0, ge=0)
    """Standard deviation (Å) of a displacement of every atom, drawn anew for every update."""
    validate_every: int = Field(100, ge=1)
    """Updates between two validations."""
    checkpoint_every: int | None = Field(None, ge=1)
    """Updates between two checkpoints. Left out: as often as validation."""
    keep_checkpoints: int = Field(2, ge=1)
    """Newest checkpoints to keep, beside the best model."""
    seed: int = Field(0, ge=0)
    """Seed of the initial weights."""
    shuffle_seed: int | None = Field(None, ge=0)
    """Seed of the order of the frames. Left out: `seed`."""
    noise_seed: int | None = Field(None, ge=0)
    """Seed of the position noise. Left out: `seed`."""
    dtype: Literal["float32", "float64"] | None = None
    """Precision of the parameters. Left out: float32, or that of the source in a transfer."""
    route: Literal["ops", "plain"] = "ops"
    """How the network is evaluated: `ops` (compiled operators) or `plain` (standard torch operators)."""
    device: str = Field("cpu", pattern=r"^(cpu|cuda(:\d{1,3})?)$")
    """Where losses are evaluated: `cpu`, `cuda` or `cuda:N`. Parameters, optimiser and checkpoints stay on the CPU, so a
    run continues anywhere: `tlmlp resume RUN --device cpu`.
    """
    deterministic: bool = False
    """On a GPU: torch's deterministic algorithms, sums in a fixed order, at some cost. On the CPU equal seeds give equal
    bits in any case.
    """
    threads: int | None = Field(None, ge=1, le=1024)
    """Number of threads. Left out: torch's own number."""
    tensorboard: bool = False
    """Write the metrics to RUN/tensorboard too; this needs `pip install tensorboard`."""

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

    new_species: Literal["refuse", "mean", "random"] = "refuse"
    """Elements without a source: `refuse` them, or begin from the `mean` of the source's embeddings, or at `random`."""
    frozen: list[str] = []
    """Groups of parameters that stay bitwise as they are."""
    learning_rates: dict[str, float] = {}
    """Factor on the learning rate of a group, for example `{embedding: 3, interaction: 0.3}`."""
    unfreeze: dict[str, int] = {}
    """Groups that are frozen until the given update, for example `{interaction.0: 500, interaction.1: 250}`."""
    l2_sp: float = Field(0.0, ge=0)
    """Strength a (per (eV/Å)² of the loss) of the pull to the source, a/2 Σ (p − p₀)²."""
    replay: ExtraSet | None = None
    """Data of the source to continue training on, by default one frame in every batch."""
    rescale: Literal["auto", "fit", "none"] = "auto"
    """Whether `length_scale` and `energy_scale` are fitted to the training frames before the first update: `auto` where no
    element of the source is kept and the errors fall, `fit` always (an error where it cannot be done), or `none`.
    """
    length_scale: float | None = Field(None, gt=0)
    """Lengths of the new model over those of the source, for example the ratio of lattice constants. It scales the cutoff
    too. Where one of the two scales is given nothing is fitted, and the other is 1.
    """
    energy_scale: float | None = Field(None, gt=0)
    """Energies of the new model over those of the source, for example the ratio of cohesive energies."""

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
    """Values to choose from."""
    low: float | None = None
    """Smallest number to try."""
    high: float | None = None
    """Largest number to try."""
    log: bool = False
    """Draw evenly in the logarithm."""

    @model_validator(mode="after")
    def _one_of_the_two(self) -> "Range":
        if (self.choices is None) == (self.low is None or self.high is None):
            raise ValueError("give either `choices`, or `low` and `high`")
        if self.low is not None and self.high is not None and not (0.0 < self.low < self.high or not self.log):
            raise ValueError(f"`log` needs 0 < low < high, got {self.low} and {self.high}")
        return self


class TuneSection(Section):
    """What ``tlmlp tune`` searches; trainings ignore it."""

    space: dict[str, Range] = {
        "training.learning_rate": Range(low=3e-4, high=1e-2, log=True),
        "training.batch_size": Range(choices=[2, 5, 10]),
        "training.final_rate_factor": Range(choices=[0.1, 0.01, 0.001]),
    }
    """Entries of the config with the values to try."""
    seed: int = Field(0, ge=0)
    """Seed of the search."""
