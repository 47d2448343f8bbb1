//! States that no step can tell apart are made one.

use crate::check::Model;
use crate::state::{Record, Stage, State, Use};

/// How far an instance may be taken to have read, as a task of it cares.
struct Read {
    log: u8,
    uses: u8,
}

impl Model {
    /// Takes as read what no task would notice: reading it changes nothing for them. Forgets of
    /// tasks that are over what nothing looks at.
    pub(crate) fn make_canonical(&self, state: &mut State) {
        for number in 0..2 {
            let (end, uses_end) = (state.end(), state.uses.len() as u8);
            let mut until = Read {
                log: end,
                uses: uses_end,
            };
            let mut cares = false;
            for request in 0..state.tasks.len() as u8 {
                if self.instance_of(request) == number
                    && let Some(read) = self.may_be_read(state, request)
                {
                    cares = true;
                    until.log = until.log.min(read.log);
                    until.uses = until.uses.min(read.uses);
                }
            }
            let revoked = state.revoked.is_some();
            let instance = state.instance(number);
            instance.tail = instance.tail.max(until.log);
            instance.uses_read = instance.uses_read.max(until.uses);
            if !cares {
                instance.start = end;
                instance.knows_revocation = revoked;
            }
        }
        for task in &mut state.tasks {
            let over = matches!(task.stage, Stage::Done(_) | Stage::Dead);
            if over && task.flights == 0 && task.pending.is_none() {
                task.expires = 0;
                task.unavailable = false;
            }
        }
    }

    /// None: the task doesn't read any more.
    fn may_be_read(&self, state: &State, request: u8) -> Option<Read> {
        let (end, uses_end) = (state.end(), state.uses.len() as u8);
        let asks = state.phase <= self.scenario.last_request;
        let read = |log, uses| Some(Read { log, uses });
        match state.tasks[usize::from(request)].stage {
            // What it will decide or answer depends on what was read by then.
            Stage::Idle if asks => read(0, 0),
            Stage::Following => read(0, uses_end),
            // Judged at its own record, whenever that is read; with the registry as of then.
            Stage::Decided { .. } => read(end, 0),
            Stage::Appended { .. } => {
                let own = |record: &Record| matches!(record, Record::Decided { request: of, .. } if *of == request);
                let own = state.log.iter().rposition(own);
                read(own.map_or(end, |index| index as u8), 0)
            }
            Stage::NeedsUse => read(end, uses_end),
            Stage::AskedForUse => {
                let command = self.command_of(request);
                let own = |used: &Use| matches!(used, Use::Consumed { command: of, .. } if *of == command);
                let own = state.uses.iter().rposition(own);
                read(end, own.map_or(uses_end, |index| index as u8))
            }
            _ => None,
        }
    }
}
