"""Studies without a shell: events that a scheduler is asked about one by one."""

from luthier.model.events import Asked, Defined, Paused, Released, Reported, Resumed, Told
from luthier.model.ledger import Ledger
from luthier.model.problem import Problem
from luthier.model.trial import TrialState
from luthier.schedulers import Decision, Full, Resume
from luthier.space import Float, Space

PROBLEM = Problem(Space({"x": Float(0.0, 1.0)}), seed=1)


class Run:
    """A study whose trials do what the scheduler says."""

    def __init__(self, scheduler=None, problem=PROBLEM):
        self.scheduler = scheduler or Full()
        self.problem = problem
        self.ledger = Ledger().apply([Defined(problem)])

    @property
    def history(self):
        return self.ledger.snapshot()

    def start(self):
        number = self.history.count
        self.ledger.apply([Asked(number, {"x": 0.5}, 0, "random", "owner")])
        return number

    def report(self, number, value, step):
        """Report, and stop or pause the trial if the scheduler says so."""
        metrics = value if isinstance(value, dict) else {"value": value}
        attempt = self.history.trial(number).attempt
        self.ledger.apply([Reported(number, step, metrics, attempt)])
        history = self.history
        decision = self.scheduler.decide(self.problem, history, history.trial(number))
        if decision is Decision.STOP:
            self.ledger.apply([Told(number, TrialState.PRUNED)])
        elif decision is Decision.PAUSE:
            self.ledger.apply([Paused(number)])
        return decision

    def next(self):
        return self.scheduler.next(self.problem, self.history)

    def resume(self, number, step=None):
        attempt = self.history.trial(number).attempt + 1
        self.ledger.apply([Resumed(number, attempt, "owner", step)])

    def lose(self, number):
        """Lose the worker of a trial, which is then started again from its beginning."""
        attempt = self.history.trial(number).attempt
        self.ledger.apply([Released(number, "lost", attempt)])
        self.resume(number)

    def end(self, number, value):
        values = value if isinstance(value, tuple) else (value,)
        self.ledger.apply([Told(number, TrialState.COMPLETE, values)])

    def complete(self, curve, final=None):
        """Run a trial to its end whatever the scheduler says; `curve` begins at step 1."""
        number = self.start()
        events = [Reported(number, step, {"value": v}) for step, v in enumerate(curve, start=1)]
        value = curve[-1] if final is None else final
        self.ledger.apply([*events, Told(number, TrialState.COMPLETE, (value,))])
        return number

    def trial(self, *curve):
        """Start a trial and report a curve, from step 1; return the decisions."""
        number = self.start()
        decisions = []
        for step, value in enumerate(curve, start=1):
            decisions.append(self.report(number, value, step))
            if decisions[-1] is not Decision.CONTINUE:
                break
        return decisions


def promotions(run, values, levels):
    """Let one worker run trials of constant value through rungs until all were begun once.

    Returns
    -------
    list of (int, int)
        Which trial was resumed from which step.
    """
    resumed = []
    todo = list(values)
    value_of = {}
    step_of = {}
    while True:
        step = run.next()
        if isinstance(step, Resume):
            number = step.number
            resumed.append((number, step_of[number]))
            run.resume(number, step_of[number])
        elif todo:
            number = run.start()
            value_of[number], step_of[number] = todo.pop(0), 0
        else:
            return resumed
        for level in levels:
            if level <= step_of[number]:
                continue
            step_of[number] = level
            if run.report(number, value_of[number], level) is Decision.PAUSE:
                break
        else:
            run.end(number, value_of[number])
