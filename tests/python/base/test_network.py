"""The network as the core describes it, against the documents and against torch's own network."""

from pathlib import Path

import pytest

from tlmlp.network import DEFAULT_SIZES, SIZES, matrices, parameter_table, parameters

ROOT = Path(__file__).resolve().parents[3]


def test_the_document_has_the_table_of_parameters():
    assert parameter_table() in (ROOT / "docs" / "reference" / "model-file.md").read_text()


def test_the_document_names_every_bound():
    text = (ROOT / "docs" / "reference" / "model-file.md").read_text()
    assert {size.high for size in SIZES.values()} == {4096, 256, 64, 12}
    assert "at most 4096 (widths), 64 (numbers of blocks, layers, radial functions) and 12" in text
    assert "species 256" in text


def test_every_parameter_stands_in_a_matrix():
    used = set()
    for matrix in matrices(DEFAULT_SIZES):
        used |= {factor.name for factor in (matrix.left, matrix.right) if factor is not None} | {matrix.bias}
    assert used - {None} == {parameter.name for parameter in parameters(DEFAULT_SIZES)}


def test_a_size_out_of_range_is_refused():
    with pytest.raises(RuntimeError, match="`embed_size` must be from 2 to 4096, got 1"):
        parameters({"embed_size": 1})


def test_merged_weights_are_products_of_the_parameters():
    """Against the products written out here, to the last bit."""
    torch = pytest.importorskip("torch")
    from tlmlp.models import DimeNetPP, DimeNetPPConfig
    from tlmlp.models.merged import merged_weights

    config = DimeNetPPConfig(2, 5.0, embed_size=12, n_blocks=1, n_residual_after=0, n_dense_output=1)
    net = DimeNetPP(config, route="plain", dtype=torch.float64)
    block, t, dense = net.interaction[0], config.atom_emb_size, net.embedding.dense
    expected = [
        net.frequencies,
        dense.weight[:, 2 * t :] @ net.embedding.rbf.weight,
        net.embedding.species.weight @ dense.weight[:, :t].t() + dense.bias,
        net.embedding.species.weight @ dense.weight[:, t : 2 * t].t(),
        *(block.kj.weight, block.kj.bias, block.rbf2.weight @ block.rbf1.weight, block.down.weight),
        *(block.sbf2.weight @ block.sbf1.weight, block.up.weight, block.ji.weight, block.ji.bias),
        *(block.before[0][0].weight, block.before[0][0].bias, block.before[0][1].weight, block.before[0][1].bias),
        *(block.final.weight, block.final.bias),
    ]
    for output in net.output:
        expected += [
            output.rbf.weight,
            output.up.weight,
            output.dense[0].weight,
            output.dense[0].bias,
            output.final.weight,
        ]
    merged = merged_weights(net)
    assert len(merged) == len(expected)
    assert all(a.equal(b) for a, b in zip(merged, expected, strict=True))
