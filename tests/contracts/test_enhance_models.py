"""What every trained improvement has to keep: gradients of every term, the same bits, HU without bounds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from made_models import CPU, batch_of, small, write_extractor
from terasu.enhance.models.configuration import read_configuration
from terasu.enhance.models.contract import APPLIED, Model, applied_network
from terasu.enhance.models.hu import HuNetwork
from terasu.enhance.models.registry import MODELS, build
from terasu.errors import InputError
from terasu.learn.checkpoint import read_checkpoint
from terasu.learn.loop import Plan, train
from terasu.nets.weights import shrink


@pytest.fixture(scope="module")
def extractor(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_extractor(tmp_path_factory.mktemp("extractor") / "two_layers.pt")


def whole(name: str, extractor: str) -> Model:
    """The model with every term that it has switched on."""
    model = build(small(name, feature_extractor=extractor, latent_noise=0.01), CPU)
    every = dict.fromkeys(model.terms, 1.0)
    return build(small(name, feature_extractor=extractor, latent_noise=0.01, terms=every), CPU)


def trained(name: str, folder: Path, extractor: str, *, steps: int = 4) -> Model:
    configuration = small(name, feature_extractor=extractor)
    model = build(configuration, CPU)
    plan = Plan(steps=steps, checkpoint_every=2, log_every=1, preview_every=2, seed=configuration.seed)
    batch = batch_of(configuration)
    train(model, lambda step: batch_of(configuration, seed=step), plan, folder, {}, device=CPU, shown=batch)
    return model


@pytest.mark.parametrize("name", MODELS)
def test_every_term_that_is_on_has_a_gradient_on_a_generator(name: str, extractor: str) -> None:
    model = whole(name, extractor)
    batch = batch_of(small(name))
    generators = [one for key, one in model.networks.items() if key.startswith("to_")]
    parameters = [one for network in generators for one in network.parameters()]
    terms = model.losses("generator", batch)
    named = {family for family in model.terms if any(term.startswith(family) for term in terms)}
    assert named == {family for family, weight in model.terms.items() if weight}
    for term, value in terms.items():
        found = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
        size = sum(float(one.detach().abs().sum()) for one in found if one is not None)
        assert size > 0, f"{term} teaches nothing"


@pytest.mark.parametrize("name", [name for name in MODELS if name != "unet"])
def test_every_judge_learns_and_teaches_no_generator_in_its_turn(name: str, extractor: str) -> None:
    model = whole(name, extractor)
    total = torch.stack(list(model.losses("discriminator", batch_of(small(name))).values())).sum()
    total.backward()
    for key, network in model.networks.items():
        gradients = [one.grad for one in network.parameters() if one.grad is not None]
        assert bool(gradients) == key.endswith("judge")


@pytest.mark.parametrize("name", MODELS)
def test_a_term_that_is_off_is_not_calculated(name: str, extractor: str) -> None:
    for family in build(small(name), CPU).terms:
        model = build(small(name, feature_extractor=extractor, terms={family: 0.0}), CPU)
        found = model.losses("generator", batch_of(small(name)))
        others = [one for one in model.terms if one.startswith(family) and one != family]
        assert not any(
            term.startswith(family) and not any(term.startswith(one) for one in others) for term in found
        )


@pytest.mark.parametrize("name", MODELS)
def test_a_term_that_the_model_does_not_have_is_refused(name: str) -> None:
    for terms in ({"beauty": 1.0}, {next(iter(build(small(name), CPU).terms)): -1.0}):
        with pytest.raises(InputError, match="cannot weigh"):
            build(small(name, terms=terms), CPU)


@pytest.mark.parametrize("name", MODELS)
def test_a_training_repeats_to_the_bit_and_goes_on_where_it_was(
    name: str, tmp_path: Path, extractor: str
) -> None:
    first = trained(name, tmp_path / "first", extractor)
    trained(name, tmp_path / "second", extractor, steps=2)
    trained(name, tmp_path / "second", extractor)
    one, two = (read_checkpoint(tmp_path / folder) for folder in ("first", "second"))
    assert one is not None
    assert two is not None
    assert [key for key in one.tensors if not torch.equal(one.tensors[key], two.tensors[key])] == []
    begun = build(small(name, feature_extractor=extractor), CPU).networks
    for key, network in first.networks.items():
        pairs = zip(network.parameters(), begun[key].parameters(), strict=True)
        assert any(not torch.equal(a, b) for a, b in pairs), f"{key} learned nothing"


@pytest.mark.parametrize("name", MODELS)
def test_a_network_that_says_nothing_leaves_every_hu_as_it_is(name: str) -> None:
    network = build(small(name), CPU).networks[APPLIED]
    assert isinstance(network, HuNetwork)
    last = network.inner.last
    assert isinstance(last, torch.nn.Conv2d)
    shrink(last, 0.0)
    hu = torch.arange(-1024, 3072).float().view(1, 1, 64, 64)
    slices = 3 if name == "unet" else 1
    assert torch.equal(network(hu.repeat(1, slices, 1, 1)), hu)


@pytest.mark.parametrize("name", MODELS)
def test_a_network_begins_near_the_identity(name: str) -> None:
    batch = batch_of(small(name))
    network = build(small(name), CPU).networks[APPLIED]
    middle = batch["source"][:, batch["source"].shape[1] // 2][:, None]
    apart = (network(batch["source"]) - middle).abs().mean()
    assert 0 < float(apart.detach()) < 60


@pytest.mark.parametrize("name", MODELS)
def test_the_applied_network_takes_the_trained_weights(name: str) -> None:
    configuration = small(name)
    network = build(configuration, CPU).networks[APPLIED]
    bare = applied_network(configuration)
    bare.load_state_dict(network.state_dict())
    batch = batch_of(configuration)
    assert torch.equal(bare.eval()(batch["source"]), network.eval()(batch["source"]))


def test_the_real_extractor_teaches_and_a_training_with_it_goes_on_where_it_was(
    shared_data: Path, tmp_path: Path
) -> None:
    extractor = str(shared_data / "models" / "M730_2_Layers.pt")
    trained("unet", tmp_path / "first", extractor, steps=6)
    trained("unet", tmp_path / "second", extractor, steps=2)
    trained("unet", tmp_path / "second", extractor, steps=6)
    one, two = (read_checkpoint(tmp_path / folder) for folder in ("first", "second"))
    assert one is not None
    assert two is not None
    assert [key for key in one.tensors if not torch.equal(one.tensors[key], two.tensors[key])] == []


def test_a_model_without_extractor_says_that_its_perceptual_term_is_off() -> None:
    for name in ("cyclegan_ct", "unet"):
        model = build(small(name), CPU)
        assert model.terms["perceptual"] == 0
        assert any("perceptual" in one for one in model.cautions)


def test_the_original_model_has_the_settings_of_the_paper_unless_told_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text('model = "cyclegan"\n')
    told = read_configuration(path)
    assert (told.network.blocks, told.network.base, told.training.pool) == (9, 64, 50)
    assert told.training.learning_rate == 2e-4
    assert dict(build(small("cyclegan"), CPU).terms) == {"adversarial": 1.0, "cycle": 10.0}


@pytest.mark.parametrize("text", ['model = "x', 'model = "cyclegan"\nstep = 3', "seed = 1"])
def test_a_configuration_that_means_nothing_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.toml"
    path.write_text(text)
    with pytest.raises(InputError, match="configuration"):
        read_configuration(path)


def test_a_model_of_no_such_name_is_refused() -> None:
    with pytest.raises(InputError, match="no model"):
        build(small("magic"), CPU)
