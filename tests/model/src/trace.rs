//! A way to break a property, in plain words.

use std::fmt;

use crate::actions::Action;
use crate::properties::Property;
use crate::scenario::Scenario;
use crate::state::{Record, State, Use};
use crate::words::{appended, asked, name, stage, time};

/// A shortest way to break a property.
#[derive(Debug)]
pub struct Trace {
    /// What is broken.
    pub property: Property,
    /// Where.
    pub scenario: Scenario,
    /// The parts of the design that are missing.
    pub missing: Vec<&'static str>,
    pub(crate) initial: State,
    pub(crate) steps: Vec<(Action, State)>,
}

impl Trace {
    /// How many steps it takes.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Nothing need happen.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "without {}: {:?} is broken in {} steps ({})",
            self.missing.join(" and "),
            self.property,
            self.steps.len(),
            self.scenario.name
        )?;
        let mut before = &self.initial;
        for (number, (action, after)) in self.steps.iter().enumerate() {
            let told = Told {
                trace: self,
                action: *action,
                before,
                after,
            };
            writeln!(f, "{:>4}. {told}", number + 1)?;
            before = after;
        }
        Ok(())
    }
}

struct Told<'a> {
    trace: &'a Trace,
    action: Action,
    before: &'a State,
    after: &'a State,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.action {
            Action::Tick => write!(f, "time goes on: {}", time(self.after.phase))?,
            Action::Ask(request) => {
                write!(f, "{} asks", self.who(request))?;
                self.stage(f, request)?;
            }
            Action::Append(request, how) => {
                write!(f, "{}'s decision is {}", self.who(request), appended(how))?;
                self.stage(f, request)?;
            }
            Action::AskForUse(request, how) => {
                let (who, how) = (self.who(request), appended(how));
                write!(f, "{who}'s request for a use of the pass is {how}")?;
                self.stage(f, request)?;
            }
            Action::LandUse(request) => {
                write!(
                    f,
                    "{}'s lost request for a use is written after all",
                    self.who(request)
                )?;
            }
            Action::GiveBackOneself(request) => {
                write!(f, "{} sees that it opened nothing", self.who(request))?;
                self.stage(f, request)?;
            }
            Action::GiveBack(command) => {
                write!(f, "a reconciler gives the use of command {command} back")?;
            }
            Action::Land(request) => {
                write!(
                    f,
                    "{}'s lost record is written after all",
                    self.who(request)
                )?;
            }
            Action::Read(instance) => {
                write!(f, "{} reads the log to its end", name(instance))?;
                self.claims(f)?;
            }
            Action::ReadRegistry(instance) => {
                write!(f, "{} reads the registry to its end", name(instance))?;
                self.claims(f)?;
            }
            Action::Forget(instance) => {
                write!(f, "{} forgets what is settled and old", name(instance))?;
            }
            Action::Call(request) => {
                write!(f, "{}: time to call the partner", self.who(request))?;
                self.stage(f, request)?;
            }
            Action::CallRefused(request) => {
                write!(f, "{} finds the partner refusing", self.who(request))?;
                self.stage(f, request)?;
            }
            Action::Arrive { request, again, .. } => {
                let copy = if again {
                    " (the network keeps a copy)"
                } else {
                    ""
                };
                let open = self.who(request);
                write!(f, "{open}'s open arrives at the partner{copy}")?;
                self.partner(f)?;
            }
            Action::Actuate(command) => {
                write!(f, "the partner turns to command {command}")?;
                self.partner(f)?;
            }
            Action::Open(command) => {
                let times = self.after.partner[usize::from(command)].openings;
                write!(f, "THE DEVICE OPENS for command {command}, time {times}")?;
            }
            Action::Answer(request) => {
                write!(f, "{} gets the partner's answer", self.who(request))?;
                self.stage(f, request)?;
            }
            Action::Silence(request) => {
                write!(f, "{} gets no usable answer in time", self.who(request))?;
            }
            Action::NotFound(request) => {
                write!(f, "{} gets a bare 404", self.who(request))?;
                self.stage(f, request)?;
            }
            Action::Fence(request, how) => {
                write!(f, "{} asks the fence{}", self.who(request), asked(how))?;
                self.stage(f, request)?;
                self.partner(f)?;
            }
            Action::Complete(request, written) => {
                let lost = if written { "recorded" } else { "LOST" };
                write!(f, "{}'s completion is {lost}", self.who(request))?;
                self.stage(f, request)?;
            }
            Action::Crash(instance, start) => {
                let name = name(instance);
                write!(f, "{name} crashes and starts again from offset {start}")?;
            }
            Action::Own(instance) => {
                let (name, from) = (name(instance), self.after.committed);
                write!(
                    f,
                    "{name}'s reconciler is given the partition from offset {from}"
                )?;
            }
            Action::Disown(instance) => {
                write!(
                    f,
                    "{}'s reconciler learns that it lost the partition",
                    name(instance)
                )?;
            }
            Action::Reconcile(instance, command, how) => {
                let (name, how) = (name(instance), asked(how));
                write!(f, "{name}'s reconciler fences command {command}{how}")?;
                if let Some((_, outcome)) = self.owned(instance) {
                    write!(f, " -> it will record {outcome}")?;
                }
                self.partner(f)?;
            }
            Action::Record(instance, written) => {
                let lost = if written { "recorded" } else { "LOST" };
                write!(f, "what {}'s reconciler found is {lost}", name(instance))?;
            }
            Action::Commit(instance, offset) => {
                write!(f, "{}'s reconciler commits offset {offset}", name(instance))?;
            }
            Action::Revoke => write!(f, "an operator revokes the grant")?,
        }
        self.log(f)
    }
}

impl Told<'_> {
    fn who(&self, request: u8) -> String {
        let of = self.trace.scenario.requests[usize::from(request)];
        format!(
            "request {request} (command {}, at {})",
            of.command,
            name(of.instance)
        )
    }

    fn owned(&self, instance: u8) -> Option<(u8, domain::vocabulary::Outcome)> {
        self.after.instances[usize::from(instance)].owned?.pending
    }

    fn stage(&self, f: &mut fmt::Formatter<'_>, request: u8) -> fmt::Result {
        write!(
            f,
            " -> {}",
            stage(self.after.tasks[usize::from(request)].stage)
        )
    }

    fn claims(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (request, task) in self.after.tasks.iter().enumerate() {
            if task.stage != self.before.tasks[request].stage {
                write!(f, "; {} -> {}", self.who(request as u8), stage(task.stage))?;
            }
        }
        Ok(())
    }

    fn partner(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (command, at) in self.after.partner.iter().enumerate() {
            if *at != self.before.partner[command] {
                write!(f, "; at the partner command {command} is {:?}", at.known)?;
            }
        }
        Ok(())
    }

    fn log(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for used in self.after.uses.iter().skip(self.before.uses.len()) {
            match used {
                Use::Consumed { command, .. } => {
                    write!(f, "  [registry: command {command} asks for a use]")?;
                }
                Use::Returned { command } => {
                    write!(f, "  [registry: the use of command {command} goes back]")?;
                }
            }
        }
        let known = self.before.log.len();
        for (offset, record) in self.after.log.iter().enumerate().skip(known) {
            match record {
                Record::Decided {
                    request, verdict, ..
                } => write!(f, "  [log {offset}: {verdict} of request {request}]")?,
                Record::Completed {
                    command, outcome, ..
                } => write!(f, "  [log {offset}: {outcome} of command {command}]")?,
            }
        }
        Ok(())
    }
}
