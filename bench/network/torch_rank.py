"""A rank of the measurement in PyTorch: alone, or two with DistributedDataParallel over gloo. The model of bench/train/peers/torch_peer.py.

    python torch_rank.py FOLDER --precision fp32|bf16 [--rank R --size N --address A --device D]

Rank 0 reads requests from its standard input, a line of JSON each, and answers with a line, as rank.ts does.
"""

import argparse
import contextlib
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "train" / "peers"))

import numpy as np
import torch
import torch.distributed as dist
from peer import decays, inputs
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks
from torch.nn.parallel import DistributedDataParallel
from torch_peer import Denoiser, load


class Peer:
    """A model with its optimiser, exchanged in one precision."""

    def __init__(self, given, exchange, distributed):
        self.own = Denoiser(given["model"], False, given["S"])
        load(self.own, dict(given["weights"]))
        self.model = self.own
        if distributed:
            self.model = DistributedDataParallel(self.own, gradient_as_bucket_view=True)
            if exchange == "bfloat16":
                self.model.register_comm_hook(None, default_hooks.bf16_compress_hook)
        u = given["update"]
        named = list(self.own.named_parameters())
        groups = [dict(params=[p for name, p in named if decays(name) == decay], weight_decay=u["weightDecay"] if decay else 0.0) for decay in (True, False)]
        self.optimiser = torch.optim.AdamW(groups, lr=u["lr"], betas=(u["beta1"], u["beta2"]), eps=u["eps"], fused=True)
        self.clip = u["clip"]

    def step(self, batches, precision):
        for i, batch in enumerate(batches):
            last = i + 1 == len(batches)
            quiet = contextlib.nullcontext() if last or self.model is self.own else self.model.no_sync()
            with quiet:
                with torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else contextlib.nullcontext():
                    loss = self.model(**batch)
                loss.backward()
        nn.utils.clip_grad_norm_(self.own.parameters(), self.clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=False)
        return loss.item()


def main(options):
    torch.set_num_threads(1)
    distributed = options.size > 1
    if distributed:
        os.environ.update(MASTER_ADDR=options.address, MASTER_PORT="29517", GLOO_SOCKET_IFNAME=options.device)
        dist.init_process_group("gloo", rank=options.rank, world_size=options.size)
    given = inputs(options.folder)
    kind = lambda array: torch.from_numpy(array if array.dtype == np.float32 else array.astype(np.int64))
    drawn = [{name: kind(batch[name]) for name in ("ids", "segments", "rows", "targets", "weights")} for batch in given["batches"]]
    peers = {}

    def turn(request):
        exchange = request["exchange"]
        if exchange not in peers:
            peers[exchange] = Peer(given, exchange, distributed)
        batches = [drawn[(options.rank + i * options.size) % len(drawn)] for i in range(request["passes"])]
        times, cpu = [], time.process_time()
        for _ in range(request["steps"]):
            begun = time.perf_counter()
            peers[exchange].step(batches, options.precision)
            times.append((time.perf_counter() - begun) * 1e3)
        return times, (time.process_time() - cpu) * 1e3

    answers, sys.stdout = sys.stdout, sys.stderr
    if options.rank > 0:
        while True:
            told = [None]
            dist.broadcast_object_list(told, src=0)
            if told[0] is None:
                return
            _, cpu = turn(told[0])
            dist.gather_object(cpu, dst=0)
    for line in sys.stdin:
        request = json.loads(line)
        if distributed:
            dist.broadcast_object_list([request], src=0)
        times, cpu = turn(request)
        all_cpu = [cpu] * options.size
        if distributed:
            dist.gather_object(cpu, all_cpu, dst=0)
        print(json.dumps(dict(ms=times, cpu_ms=all_cpu)), file=answers, flush=True)
    if distributed:
        dist.broadcast_object_list([None], src=0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--precision", choices=["fp32", "bf16"], required=True)
    parser.add_argument("--rank", type=int, default=0)
    parser.add_argument("--size", type=int, default=1)
    parser.add_argument("--address", default="")
    parser.add_argument("--device", default="")
    main(parser.parse_args())
