"""``compute heat/flux`` is the time derivative of the energy's first moment; what would give another flux is refused."""

import numpy as np
import pytest

from tlmlp.errors import TlmlpError

CLUSTER = """
units metal
boundary f f f
newton {newton}
lattice diamond 5.46 origin 0.1 0.1 0.1
region box block -3 5 -3 5 -3 5
create_box 1 box
region some block 0 1.49 0 1.49 0 1.49
create_atoms 1 region some
mass 1 28.0855
displace_atoms all random 0.15 0.15 0.15 5
{pair}
velocity all create 300 5 mom yes rot yes loop geom
fix move all nve
timestep 0.00001
compute ke all ke/atom
compute pe all pe/atom
compute virial all centroid/stress/atom NULL virial
compute flux all heat/flux ke pe virial
variable mx atom x*(c_ke+c_pe)
variable my atom y*(c_ke+c_pe)
variable mz atom z*(c_ke+c_pe)
compute moment all reduce sum v_mx v_my v_mz
thermo_style custom step c_flux[1] c_flux[2] c_flux[3] c_flux[4] c_flux[5] c_flux[6] c_moment[1] c_moment[2] c_moment[3]
thermo_modify norm no format float %.15g
thermo 1
run {steps}
"""


def rows(table: dict[str, list[float]], name: str, first: int = 1) -> np.ndarray:
    return np.array([table[f"{name}[{k}]"] for k in range(first, first + 3)])


@pytest.fixture(scope="module", params=["trained", "with ZBL", "two species"])
def silicon(request, helpers, tmp_path_factory) -> str:
    """A shipped model; random weights with a repulsion of the model's own; types of two species."""
    import tlmlp

    if request.param == "trained":
        path, species = tlmlp.pretrained("si-dft"), "Si"
    elif request.param == "with ZBL":
        model = helpers.model(tmp_path_factory.mktemp("models"), ["Si"], zbl={"inner": 1.5, "outer": 2.6})
        path, species = model.path, "Si"
    else:
        path, species = helpers.model(tmp_path_factory.mktemp("models"), ["Ge", "Si"]).path, "Si Ge"
    return f"pair_style tlmlp precision double\npair_coeff * * {path} {species}\n"


def test_the_flux_moves_the_energy_of_a_cluster(decks, silicon):
    """Central differences of sum_i r_i e_i, along a run; the convective part alone is nothing like it."""
    text = CLUSTER.format(newton="on", pair=silicon, steps=12)
    if "Si Ge" in silicon:
        text = text.replace("create_box 1", "create_box 2").replace(
            "mass 1", "set group all type/fraction 2 0.5 7\nmass *"
        )
    table = decks.run_text(text).tables[-1]
    flux, moment = rows(table, "c_flux"), rows(table, "c_moment")
    rate = (moment[:, 2:] - moment[:, :-2]) / (2 * 0.00001)
    scale = np.sqrt((rate**2).mean(axis=1))
    off = np.sqrt(((flux[:, 1:-1] - rate) ** 2).mean(axis=1)) / scale
    assert (off < 1e-4).all(), off
    convective = rows(table, "c_flux", 4)
    assert (np.sqrt(((convective[:, 1:-1] - rate) ** 2).mean(axis=1)) > 0.3 * scale).all()


@pytest.mark.parametrize(("ranks", "newton", "species"), [(2, "off", "one"), (4, "on", "committee"), (3, "on", "zbl")])
def test_the_flux_does_not_depend_on_ranks(decks, helpers, germanium, second_germanium, ranks, newton, species):
    if species == "committee":
        pair = "pair_style tlmlp precision double committee 2\n"
        pair += f"pair_coeff * * {germanium.path} {second_germanium.path} Ge\n"
    elif species == "zbl":
        pair = "pair_style hybrid/overlay tlmlp precision double zbl 1.0 1.6\n"
        pair += f"pair_coeff * * tlmlp {germanium.path} Ge\npair_coeff 1 1 zbl 32 32\n"
    else:
        pair = germanium.pair()
    text = CLUSTER.format(newton=newton, pair=pair, steps=2)
    text = text.replace("boundary f f f", "boundary p p p").replace("-3 5 -3 5 -3 5", "0 2 0 2 0 2")
    text = text.replace("create_atoms 1 region some", "create_atoms 1 box").replace("units metal", "units real")
    alone, together = (rows(decks.run_text(text, ranks=n).tables[-1], "c_flux") for n in (1, ranks))
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-9 * np.abs(alone).max())


def test_a_narrow_cell_and_its_replica_have_the_same_flux(decks, germanium):
    """In a cell narrower than two cutoffs an atom acts on images of itself."""
    text = CLUSTER.format(newton="on", pair="", steps=0)
    text = text.replace("boundary f f f", "boundary p p p").replace("-3 5 -3 5 -3 5", "0 1 0 1 0 1")
    text = text.replace("create_atoms 1 region some", "create_atoms 1 box")
    text = text.replace("compute ke ", "{more}\n" + germanium.pair() + "compute ke ")
    one = rows(decks.run_text(text.format(more="")).tables[-1], "c_flux")
    eight = rows(decks.run_text(text.format(more="replicate 2 2 2")).tables[-1], "c_flux")
    np.testing.assert_allclose(eight, 8 * one, rtol=0, atol=1e-9 * np.abs(eight).max())


SYSTEM = """
units metal
atom_style full
region box block 0 20 0 20 0 20
create_box 1 box
create_atoms 1 single 5 5 5 units box
create_atoms 1 single 5 5 7.4 units box
mass * 72.6
{pair}
compute ke all ke/atom
compute pe all pe/atom
"""
STRESS, CENTROID = "compute st all stress/atom NULL virial\n", "compute ce all centroid/stress/atom NULL virial\n"
FLUX, CENTROID_FLUX = "compute J all heat/flux ke pe st\n", "compute Jc all heat/flux ke pe ce\n"
TORCH = "pair_style tlmlp/torch\npair_coeff * * {model} Ge"
DEVICE = "pair_style tlmlp device cuda-on-cpu\npair_coeff * * {model} Ge"
OVERLAY = "pair_style hybrid/overlay tlmlp zbl 1.0 1.6\npair_coeff * * tlmlp {model} Ge\npair_coeff 1 1 zbl 32 32"
WRONG = (
    "compute stress/atom gives a wrong heat flux, so compute st may not stand beside compute J; use compute centroid"
)
TALLY = "adds up pairwise forces, of which there are none; the heat flux of this many-body model comes from compute heat/flux"
ON_CPU = "of style centroid/stress/atom, needs pair_style tlmlp on the CPU"
USE = "thermo_style custom step c_J[1]\nrun 0\n"


@pytest.mark.parametrize(
    ("pair", "computes", "message"),
    [
        (None, STRESS + FLUX + USE, WRONG),
        (None, STRESS + FLUX + "run 0\n", WRONG),  # there, though nobody asks for it yet
        (None, STRESS + CENTROID + FLUX + CENTROID_FLUX + USE, WRONG),
        (None, "run 0\n" + STRESS + FLUX + USE, WRONG),
        (OVERLAY, STRESS + FLUX + USE, WRONG),
        (DEVICE, STRESS + FLUX + USE, WRONG),
        (TORCH, STRESS + FLUX + USE, WRONG),
        (None, "compute J all heat/flux/tally all\n" + USE, "compute J, of style heat/flux/tally, " + TALLY),
        (
            None,
            "compute J all heat/flux/virial/tally all\n" + USE.replace("[1]", ""),
            "of style heat/flux/virial/tally, " + TALLY,
        ),
        (TORCH, CENTROID + "run 0\n", ON_CPU),
        (DEVICE, CENTROID + CENTROID_FLUX + "run 0\n", ON_CPU),
        (None, STRESS + CENTROID + "run 0\n", None),
        (None, CENTROID + CENTROID_FLUX + USE.replace("c_J", "c_Jc"), None),
        (None, STRESS + FLUX + "uncompute J\nrun 0\n", None),
        (TORCH, STRESS + "run 0\n", None),
    ],
)
def test_computes_beside_the_pair_style(decks, germanium, pair, computes, message):
    pair = germanium.pair() if pair is None else pair.format(model=germanium.path)
    text = SYSTEM.format(pair=pair) + computes
    if message is None:
        assert "Loop time" in decks.run_text(text).output
    else:
        with pytest.raises(TlmlpError) as caught:
            decks.run_text(text)
        assert message in str(caught.value)
