"""The two sides of `benchmarks/explainers.py`: captum 0.9 and ours, each with a batch size and a budget.

Both answer with one value per player and picture. Budgets are inputs shown to the network per picture.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from explainer_games import Setting, proximity
from torch import Tensor

Work = Callable[[Setting, int, int], Tensor]
WINDOWS = 4


@dataclass(frozen=True)
class Contest:
    """One method on both sides.

    Attributes:
        name: of the method.
        captum: values (N, P) of a setting, for a budget and a number of perturbations per pass.
        ours: the same, for a budget and a number of rows per pass.
        sampled: whether the answer is an estimate, with an error that falls with the budget.
    """

    name: str
    captum: Work
    ours: Work
    sampled: bool = True


def ours(method: str, **parameters: Any) -> Work:
    """Our explainer of a method, as a spec would have it."""

    def work(game: Setting, budget: int, rows: int) -> Tensor:
        from auditkit.evidence.heatmaps.explainer import Batch
        from auditkit.evidence.heatmaps.registry import explainer
        from auditkit.evidence.heatmaps.subject import subject_of_module
        from auditkit.spec.methods import parse_method

        given = {"method": method, "baseline": "black", **parameters}
        if method == "occlusion":
            given |= {"window": 1 / WINDOWS, "stride": 1 / WINDOWS}
        else:
            given["superpixels"] = game.side
        if method in ("kernel-shap", "shapley-sampling", "lime"):
            given["samples"] = 1_000_000
        chosen = parse_method(given)
        if method in ("kernel-shap", "shapley-sampling", "lime"):
            # Specs are of pictures, whose grids have side x side players; those of bands have `side`.
            chosen = chosen.model_copy(update={"samples": budget})
        shape = tuple(game.images.shape[1:])
        subject = subject_of_module(game.network, shape, [range(shape[0])])
        batch = Batch(game.images, game.target, range(len(game.images)))
        found = explainer(chosen, subject).explain(batch, rows)
        return found.maps.flatten(1).double()

    return work


def _one_by_one(work: Callable[[Setting, int, int, Tensor, int], Tensor]) -> Work:
    """Captum's regressions take one picture at a time (given several, it loops over them itself)."""

    def over(game: Setting, budget: int, rows: int) -> Tensor:
        pairs = zip(game.images, game.target.tolist(), strict=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = [work(game, budget, rows, image[None], target) for image, target in pairs]
        return torch.cat(found).double()

    return over


def _captum_kernel_shap(
    game: Setting, budget: int, rows: int, image: Tensor, target: int
) -> Tensor:
    from captum.attr import KernelShap

    found: Tensor = KernelShap(game.network).attribute(
        image,
        baselines=0,
        target=target,
        feature_mask=game.owner,
        n_samples=budget,
        perturbations_per_eval=min(rows, budget),
        return_input_shape=False,
    )
    return found


def _captum_lime(game: Setting, budget: int, rows: int, image: Tensor, target: int) -> Tensor:
    """Captum's LIME with our kernel and no penalty: the same quantity is estimated.

    Its defaults are the cosine distance of pixels and a lasso; its draws are uniform over coalitions.
    """
    from captum._utils.models.linear_model import SkLearnLinearRegression
    from captum.attr import Lime

    def weight(_image: Tensor, _masked: Tensor, present: Tensor, **_rest: Any) -> Tensor:
        return proximity(present.sum(dim=1).float(), game.players)

    method = Lime(
        game.network, interpretable_model=SkLearnLinearRegression(), similarity_func=weight
    )
    found: Tensor = method.attribute(
        image,
        baselines=0,
        target=target,
        feature_mask=game.owner,
        n_samples=budget,
        perturbations_per_eval=min(rows, budget),
        return_input_shape=False,
    )
    return found


def _captum_shapley(game: Setting, budget: int, rows: int) -> Tensor:
    """Whole orders, P inputs each, as many as the budget pays beside the picture itself."""
    from captum.attr import ShapleyValueSampling

    maps = ShapleyValueSampling(game.network).attribute(
        game.images,
        baselines=0,
        target=game.target,
        feature_mask=game.owner,
        n_samples=max(1, (budget - 1) // game.players),
        perturbations_per_eval=_per_pass(game, rows),
    )
    return game.per_player(maps).double()


def _captum_ablation(game: Setting, _budget: int, rows: int) -> Tensor:
    from captum.attr import FeatureAblation

    with torch.no_grad():
        maps = FeatureAblation(game.network).attribute(
            game.images,
            baselines=0,
            target=game.target,
            feature_mask=game.owner,
            perturbations_per_eval=_per_pass(game, rows),
        )
    return game.per_player(maps).double()


def _captum_occlusion(game: Setting, _budget: int, rows: int) -> Tensor:
    from captum.attr import Occlusion

    side = game.images.shape[-1] // WINDOWS
    window = (game.images.shape[1], *(side for _ in game.images.shape[2:]))
    with torch.no_grad():
        maps = Occlusion(game.network).attribute(
            game.images,
            sliding_window_shapes=window,
            strides=window,
            baselines=0,
            target=game.target,
            perturbations_per_eval=_per_pass(game, rows),
        )
    found: Tensor = maps[:, 0, side // 2 :: side, side // 2 :: side]
    return found.flatten(1).double()


def _per_pass(game: Setting, rows: int) -> int:
    """Perturbations of all pictures that together are about so many rows."""
    return max(1, rows // len(game.images))


CONTESTS = (
    Contest("kernel-shap", _one_by_one(_captum_kernel_shap), ours("kernel-shap")),
    Contest("shapley-sampling", _captum_shapley, ours("shapley-sampling")),
    Contest("lime", _one_by_one(_captum_lime), ours("lime")),
    Contest("feature-ablation", _captum_ablation, ours("feature-ablation"), sampled=False),
    Contest("occlusion", _captum_occlusion, ours("occlusion"), sampled=False),
)
