"""Batches are pure, an epoch holds every target once, and bad data is named."""

import pytest
import torch

from llmbook.data import IGNORE, Stories, Stream

STORIES = [[1, 2, 3], [], [4], [2, 2, 2, 2, 2, 2], [5, 1]]


def targets_of(batches):
    """All targets of an epoch as one sorted list."""
    return sorted(t for _, targets in batches for t in targets.flatten().tolist() if t != IGNORE)


def test_a_story_starts_and_ends_with_the_end():
    inputs, targets = next(Stories([[5, 7, 6]], end=9).epoch(1))
    assert inputs.tolist() == [[9, 5, 7, 6]]
    assert targets.tolist() == [[5, 7, 6, 9]]


def test_padding_is_never_a_target_and_shows_nothing_of_another_story():
    data = Stories(STORIES, end=0)
    for inputs, targets in data.epoch(5):
        lengths = (targets != IGNORE).sum(1)
        for row, goal, length in zip(inputs, targets, lengths.tolist(), strict=True):
            story = goal[: length - 1].tolist()
            assert story in STORIES
            assert row.tolist() == [0, *story] + [0] * (len(row) - length)
            assert goal[length:].eq(IGNORE).all()


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 100])
def test_an_epoch_of_stories_holds_every_target_once(batch_size):
    data = Stories(STORIES, end=0)
    expected = sorted(sum(STORIES, [0] * len(STORIES)))
    assert targets_of(data.epoch(batch_size)) == expected
    assert data.num_tokens == len(expected)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 100])
def test_training_batches_are_drawn_without_replacement_within_an_epoch(batch_size):
    data = Stories([[i] * (i % 7) + [i] for i in range(1, 41)], end=0)
    steps = -(-len(data) // batch_size)
    for epoch in range(2):
        drawn = [data.batch(epoch * steps + i, batch_size, seed=3) for i in range(steps)]
        assert targets_of(drawn) == targets_of(data.epoch(batch_size))


def test_epochs_and_seeds_differ():
    data = Stories([[i] for i in range(1, 41)], end=0)
    first, second, other = (
        [data.batch(step, 8, seed)[0].tolist() for step in range(start, start + 5)]
        for start, seed in ((0, 0), (5, 0), (0, 1))
    )
    assert first != second
    assert first != other


@pytest.mark.parametrize("data", [Stories(STORIES, end=0), Stream(torch.arange(50), context=7)])
def test_batch_is_a_pure_function_of_its_arguments(data):
    asked = [(7, 2, 0), (0, 3, 5), (3, 2, 1)]
    forward = {a: data.batch(*a) for a in asked}
    backward = {a: data.batch(*a) for a in reversed(asked)}
    for a in asked:
        assert all(torch.equal(x, y) for x, y in zip(forward[a], backward[a], strict=True))


def test_batches_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    Stories(STORIES, end=0).batch(3, 2, 0)
    Stream(torch.arange(50), context=7).batch(3, 2, 0)
    assert torch.equal(before, torch.get_rng_state())


def test_grouping_by_length_saves_padding():
    source = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 100, (512,), generator=source).tolist()
    data = Stories([[1] * n for n in lengths], end=0)
    padded = sum(data.batch(step, 16, 0)[0].numel() for step in range(32))
    # Random batches of 16 are filled to about the largest of 16 uniform lengths, 16/17 of 100,
    # for a mean of 50: 1.9 times. Sorting the epoch must leave far less than half of that waste.
    assert padded < 1.2 * data.num_tokens


@pytest.mark.parametrize("batch_size", [1, 2, 100])
@pytest.mark.parametrize(("n", "context"), [(2, 1), (8, 7), (20, 7), (22, 7), (50, 7)])
def test_an_epoch_of_a_stream_holds_every_target_once(n, context, batch_size):
    data = Stream(torch.arange(n), context)
    for inputs, targets in data.epoch(batch_size):
        scored = targets != IGNORE
        assert torch.equal(inputs[scored] + 1, targets[scored])
        assert inputs.shape[1] <= context
    assert targets_of(data.epoch(batch_size)) == list(range(1, n))
    assert data.num_tokens == n - 1


@pytest.mark.parametrize("stride", [1, 2, 3, 6, 7])
@pytest.mark.parametrize("n", [8, 9, 20, 50])
def test_overlapping_windows_score_each_target_once_with_context_before_it(n, stride):
    data, positions = Stream(torch.arange(n), 7), []
    for spans in data.plan(3, stride):
        inputs, targets, where = data.gather(spans)
        positions += where[where >= 0].tolist()
        for row, goal in zip(inputs, targets, strict=True):
            first = int((goal != IGNORE).nonzero()[0])
            assert first == 0 if row[0] == 0 else first >= 7 - stride
    assert sorted(positions) == list(range(n - 1))


def test_every_window_of_a_stream_can_be_drawn():
    data = Stream(torch.arange(10), context=7)
    starts = {int(row[0]) for step in range(40) for row in data.batch(step, 4, 0)[0]}
    assert starts == {0, 1, 2}  # 160 draws of three: each is missed with chance below 1e-28


def test_a_fingerprint_tells_data_apart():
    one = [Stories([[1, 2]], end=0), Stories([[1], [2]], end=0), Stories([[1, 2]], end=3)]
    two = [Stream([0, 1, 2, 0], 2), Stream([0, 1, 2, 0], 3), Stream([0, 1, 2, 1], 3)]
    assert len({data.fingerprint() for data in one + two}) == 6
    assert (
        Stream([0, 1, 2, 0], 2).fingerprint() == Stream(torch.tensor([0, 1, 2, 0]), 2).fingerprint()
    )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Stories([], end=0), "no stories"),
        (lambda: Stories([[1, -2]], end=0), "-2 is negative"),
        (lambda: Stories([[1.5]], end=0), "whole numbers"),
        (lambda: Stream([], 4), "empty"),
        (lambda: Stream([1, 2, 3, 4], 4), "has 4 tokens; a context of 4 needs at least 5"),
        (lambda: Stream([1, 2, 3], 0), "context is 0"),
        (lambda: Stream([[1, 2], [3, 4]], 1), "one row"),
        (lambda: Stream([1, 2, 3], 1).batch(0, 0, 0), "batch_size is 0"),
        (lambda: Stream([1, 2, 3], 1).batch(-1, 1, 0), "step -1"),
        (lambda: Stream([1, 2, 3], 2).plan(1, 3), "stride is 3"),
        (lambda: Stories([[1]], 0).plan(1, 3), "stride is for a Stream"),
    ],
)
def test_bad_data_is_named(make, says):
    with pytest.raises(ValueError, match=says):
        make()
