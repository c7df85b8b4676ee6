"""One training step of a pack against torch.nn + autograd + torch.optim, on the same shapes, batches and threads."""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import pairwise

import click
import torch
from common import interleaved, keep_option, print_table, save, spread
from torch.nn import functional

from fcsearch.training import TrainingData, TrialConfig
from fcsearch.training.data import Minibatches
from fcsearch.training.graphs import Run
from fcsearch.training.lane import Lane

# name: input units, hidden units, batch size
NETS = {
    "digits": (64, (100, 100), 100),
    "mnist": (784, (128, 128), 128),
    "cifar": (3072, (100,), 100),
    "cifar-deep": (3072, (500,) * 4, 100),
}
# Others, to which the choice of the pack size was fitted beside these.
MORE_NETS = {
    "20-32": (20, (32,), 32),
    "64-100x4": (64, (100,) * 4, 100),
    "64-256x2": (64, (256,) * 2, 128),
    "64-384x3": (64, (384,) * 3, 256),
    "784-512x2": (784, (512,) * 2, 128),
    "3072-20": (3072, (20,), 100),
    "3072-512x2": (3072, (512,) * 2, 128),
}
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "sgd_momentum": functools.partial(torch.optim.SGD, momentum=0.9),
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
}
CLASSES = 10
STEPS = 8  # minibatches of an epoch, which one measurement covers
GIB = 2**30


@click.command()
@click.option("--nets", default=",".join(NETS), show_default=True, help=f"Of these and {', '.join(MORE_NETS)}.")
@click.option("--rules", default="sgd,adam", show_default=True, help=f"Of {', '.join(OPTIMIZERS)}.")
@click.option("--dropout", default="0,0.5", show_default=True)
@click.option("--sizes", default="1,8,32", show_default=True, help="Pack sizes.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--tf32", is_flag=True, help="Multiply in TF32, the peers too.")
@click.option("--rounds", default=9, show_default=True, help="Measurements of each candidate.")
@click.option("--seconds", default=0.05, show_default=True, help="Least time of one measurement.")
@click.option("--name", help="Of the results, where others of step are to be kept. Default: step-DEVICE.")
@keep_option
@click.option("--compile", "compiled", is_flag=True, help="Also torch.compile of the peer's step.")
def main(
    nets: str,
    rules: str,
    dropout: str,
    sizes: str,
    device: str,
    tf32: bool,
    rounds: int,
    seconds: float,
    name: str | None,
    keep: bool,
    compiled: bool,
) -> None:
    """Time one step of a pack, a member's share of it, and the best eager peer.

    \b
    Example:
      python benchmarks/step.py --nets digits --rules adam --sizes 1,8,32,128
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.backends.cuda.matmul.allow_tf32 = tf32
    peak = gemm_peak(device, rounds, seconds)
    print(f"largest product: {peak / 1e9:.0f} GFLOP/s in {'TF32' if tf32 else 'float32'}, {device}, one thread")
    rows, records = [], []
    for net in nets.split(","):
        for rule in rules.split(","):
            for rate in map(float, dropout.split(",")):
                times = {
                    candidate: spread([value / STEPS for value in values])
                    for candidate, values in interleaved(
                        candidates(net, rule, rate, sizes, device, compiled),
                        rounds=rounds,
                        seconds=seconds,
                        device=device,
                    ).items()
                }
                rows.append(row(net, rule, rate, times, peak))
                records.append({"net": net, "rule": rule, "dropout": rate, "seconds": times})
    print_table("Microseconds a step and member; ratios against the best eager peer", rows)
    if keep:
        print(save(name or f"step-{device}", {"gemm_flops": peak, "steps": records}))


def row(net: str, rule: str, rate: float, times: dict[str, dict[str, float]], peak: float) -> dict[str, object]:
    """One line of the table."""
    eager = {name: t["median"] for name, t in times.items() if name.startswith("torch ")}
    best = min(eager, key=eager.__getitem__)
    line: dict[str, object] = {
        "net": net,
        "rule": rule,
        "dropout": rate,
        "peer us": f"{eager[best] * 1e6:.0f} {best[6:]}",
    }
    for name, t in times.items():
        if name.startswith("vmap "):
            line[f"{name}: us"] = f"{t['median'] / int(name[5:]) * 1e6:.1f}"
    if "compiled" in times:
        line["compiled us"] = f"{times['compiled']['median'] * 1e6:.0f}"
    shares = {int(name[5:]): t["median"] / int(name[5:]) for name, t in times.items() if name.startswith("pack ")}
    for size, share in shares.items():
        line[f"{size}: us"] = f"{share * 1e6:.3g}"
        line[f"{size}: ratio"] = eager[best] / share
    line["roofline"] = f"{flops(net) / peak / min(shares.values()):.0%}"
    return line


def flops(net: str) -> float:
    """Floating-point operations of a member's step in matrix products: forward, dW, and dX but for the input's."""
    inputs, hidden, batch = (NETS | MORE_NETS)[net]
    dims = (inputs, *hidden, CLASSES)
    products = sum(a * b for a, b in pairwise(dims))
    return 2.0 * batch * (3 * products - dims[0] * dims[1])


def gemm_peak(device: str, rounds: int, seconds: float) -> float:
    """FLOP/s of a large square product, the best of the rounds."""
    size = 1024 if device == "cpu" else 8192
    a = torch.randn(size, size, device=device)
    out = torch.empty_like(a)
    times = interleaved({"gemm": lambda: torch.mm(a, a, out=out)}, rounds=rounds, seconds=seconds, device=device)
    return 2 * size**3 / min(times["gemm"])


def candidates(
    net: str, rule: str, rate: float, sizes: str, device: str, compiled: bool
) -> dict[str, Callable[[], None]]:
    """Everything that is timed on one case, each a function that makes STEPS steps."""
    inputs, hidden, batch = (NETS | MORE_NETS)[net]
    draw = torch.Generator().manual_seed(0)
    X = torch.randn(batch * STEPS, inputs, generator=draw)
    y = torch.randint(CLASSES, (batch * STEPS,), generator=draw)
    data = TrainingData.from_arrays(X, y, X[:1], y[:1], num_classes=CLASSES, device=device)
    config = TrialConfig(
        hidden_dims=hidden, update_rule=rule, dropout=rate, batch_size=batch, epochs=1, learning_rate=1e-3
    )
    kinds = ["fused", "foreach"] if rule != "rmsprop" else ["foreach"]
    found = {f"torch {kind}": peer_steps(config, data, kind) for kind in kinds}
    if compiled:
        found["compiled"] = peer_steps(config, data, kinds[0], compiled=True)
    if device == "cuda":
        largest = max(map(int, sizes.split(",")))
        found[f"vmap {largest}"] = vmap_steps(config, data, largest, kinds[0])
    for size in map(int, sizes.split(",")):
        weights = sum(a * b for a, b in pairwise((inputs, *hidden, CLASSES)))
        if weights * size * 4 * 5 < 6 * GIB:
            found[f"pack {size}"] = pack_steps(config, data, size)
    return found


def pack_steps(config: TrialConfig, data: TrainingData, size: int) -> Callable[[], None]:
    """Steps of a pack of `size` equal members: an epoch."""
    minibatches = Minibatches(data, seed=0, batch_size=config.batch_size)
    lane = Lane(range(size), [config] * size, data, batch_size=config.batch_size)
    if data.device.type == "cuda":
        return replayed_steps(lane, minibatches)
    chunks = list(minibatches.epoch(1))

    def epoch() -> None:
        lane.start_epoch(_alone(lane.epoch + 1), STEPS)
        first = 0
        for chunk in chunks:
            lane.train(chunk, first)
            first += len(chunk.x)

    return epoch


def replayed_steps(lane: Lane, minibatches: Minibatches) -> Callable[[], None]:
    """Such steps as a GPU makes them."""
    stream = torch.cuda.Stream()
    run = Run(lane, minibatches, minibatches.order(1).to("cuda"), stream=stream)
    stream.wait_stream(torch.cuda.current_stream())

    def epoch() -> None:
        with torch.cuda.stream(stream):
            run.start_epoch(lane.epoch + 1, _alone(lane.epoch + 1))
            for _ in range(STEPS):
                run.step()

    return epoch


def _alone(epoch: int) -> range:
    """An epoch that is prepared by itself, since all take the same rows."""
    return range(epoch, epoch + 1)


def peer_net(config: TrialConfig, data: TrainingData) -> torch.nn.Sequential:
    """The same network in torch.nn."""
    dims = (data.input_dim, *config.hidden_dims)
    layers: list[torch.nn.Module] = []
    for a, b in pairwise(dims):
        layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
        layers += [torch.nn.Dropout(config.dropout)] if config.dropout else []
    return torch.nn.Sequential(*layers, torch.nn.Linear(dims[-1], data.num_classes)).to(data.device)


def peer_optimizer(config: TrialConfig, parameters: list[torch.nn.Parameter], kind: str) -> torch.optim.Optimizer:
    """Its optimizer, in the form of this kind."""
    return OPTIMIZERS[config.update_rule](parameters, lr=config.learning_rate, **{kind: True})


def vmap_steps(config: TrialConfig, data: TrainingData, size: int, kind: str) -> Callable[[], None]:
    """Steps of `size` such networks at once by torch.func, with one learning rate for all, as its optimizer has it."""
    nets = [peer_net(config, data) for _ in range(size)]
    stacked, _ = torch.func.stack_module_state(nets)
    optimizer = peer_optimizer(config, list(stacked.values()), kind)
    one = nets[0]

    def loss_of(parameters: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(torch.func.functional_call(one, parameters, (x,)), y)

    losses = torch.func.vmap(loss_of, in_dims=(0, None, None), randomness="different")
    xs = torch.split(data.X_train, config.batch_size)
    ys = torch.split(data.y_train, config.batch_size)

    def epoch() -> None:
        for x, y in zip(xs, ys, strict=True):
            optimizer.zero_grad(set_to_none=True)
            losses(stacked, x, y).sum().backward()
            optimizer.step()

    return epoch


def peer_steps(config: TrialConfig, data: TrainingData, kind: str, *, compiled: bool = False) -> Callable[[], None]:
    """Steps of the same network in torch.nn, trained by autograd and torch.optim."""
    net = peer_net(config, data)
    optimizer = peer_optimizer(config, list(net.parameters()), kind)
    xs = torch.split(data.X_train, config.batch_size)
    ys = torch.split(data.y_train, config.batch_size)
    forward = torch.compile(lambda x, y: functional.cross_entropy(net(x), y)) if compiled else None

    def epoch() -> None:
        for x, y in zip(xs, ys, strict=True):
            loss = forward(x, y) if forward is not None else functional.cross_entropy(net(x), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    return epoch


if __name__ == "__main__":
    main()
