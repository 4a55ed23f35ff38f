"""Which validation counts as the best."""

from plait.training.record import Record


def chosen(rows: list[tuple[float, float, float]]) -> int:
    """The place of the best of (score, error, loss)."""
    record = Record()
    for step, (score, error, loss) in enumerate(rows):
        record.add({"step": step, "validation_score": score, "validation_loss": loss}, error)
    return record.best_step


def test_without_an_error_the_score_decides_and_the_loss_among_equals() -> None:
    assert chosen([(0.5, 0, 1.0), (0.7, 0, 2.0), (0.6, 0, 0.1)]) == 1
    assert chosen([(0.7, 0, 2.0), (0.7, 0, 1.0), (0.7, 0, 1.5)]) == 1


def test_within_one_standard_error_the_loss_decides() -> None:
    assert chosen([(0.90, 0.03, 1.0), (0.97, 0.02, 0.70), (0.96, 0.02, 0.67)]) == 2
    assert chosen([(0.97, 0.02, 0.70), (0.94, 0.03, 0.10)]) == 0


def test_a_peak_that_leaves_the_best_behind_replaces_it() -> None:
    """The best of before is too low now, however small its loss."""
    assert chosen([(0.90, 0.02, 0.1), (0.97, 0.01, 0.9)]) == 1


def test_scores_do_not_creep_down() -> None:
    """Each is near the one before, but the yardstick is the highest."""
    assert chosen([(0.97, 0.02, 0.9), (0.96, 0.02, 0.8), (0.945, 0.02, 0.7), (0.93, 0.02, 0.6)]) == 1


def test_a_record_survives_json() -> None:
    record = Record()
    assert Record.from_json(record.to_json()) == record
    record.add({"step": 3, "validation_score": 0.5, "validation_loss": 1.5}, 0.1)
    assert Record.from_json(record.to_json()) == record
