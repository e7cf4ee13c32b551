//! What follows when something is on disk, or cannot be written (A3, A6, A10).

use actix::fut::LocalBoxActorFuture;
use actix::prelude::*;
use carpus_core::session::{Cause, End, ErrorCode};
use futures_util::future::join_all;

use super::WatchActor;
use super::journal_queue::{Subject, Writing, Written};

/// What a call relied on, and is not on disk.
#[derive(Debug)]
pub(super) enum Lost {
    /// The session that it scheduled, which ended with that (A6).
    Session(End),
    /// The recurrence; the reason, for people.
    Recurrence(String),
}

impl WatchActor {
    /// Waits for what is being written and tells the rules what came of it, until nothing more follows from that.
    pub(super) fn follow(&self, writings: Vec<Writing>) -> LocalBoxActorFuture<Self, Option<Lost>> {
        let subjects: Vec<_> = writings.iter().map(|writing| writing.subject.clone()).collect();
        let written = join_all(writings.into_iter().map(Writing::done));
        Box::pin(written.into_actor(self).then(move |written, this, ctx| {
            let (mut lost, mut more) = (None, Vec::new());
            for (subject, written) in subjects.into_iter().zip(written) {
                let (of_this, follows) = this.take_outcome(subject, written, ctx);
                lost = lost.or(of_this);
                more.extend(follows);
            }
            if more.is_empty() {
                return Box::pin(fut::ready(lost)) as LocalBoxActorFuture<Self, Option<Lost>>;
            }
            Box::pin(this.follow(more).map(|later, _, _| lost.or(later)))
        }))
    }

    fn take_outcome(
        &mut self,
        subject: Subject,
        written: Written,
        ctx: &mut Context<Self>,
    ) -> (Option<Lost>, Vec<Writing>) {
        match (subject, written) {
            (Subject::Session(id), Ok(())) => {
                let ((), follows) = self.step_writing(ctx, |core, now| core.handle_saved(id, now));
                (None, follows)
            }
            (Subject::Session(id), Err(_)) => {
                let (over, follows) = self.step_writing(ctx, |core, now| core.handle_not_saved(id, now));
                let end = End::with_error(ErrorCode::Unknown, Cause::NotSaved);
                (over.then_some(Lost::Session(end)), follows)
            }
            (Subject::Recurrence(app), Err(cause)) => {
                let ((), follows) =
                    self.step_writing(ctx, |core, now| core.handle_recurrence_not_saved(&app, now));
                (Some(Lost::Recurrence(cause)), follows)
            }
            (Subject::EndOfRecurrence, Err(cause)) => (Some(Lost::Recurrence(cause)), Vec::new()),
            (Subject::Recurrence(_) | Subject::EndOfRecurrence, Ok(())) | (Subject::Nobody, _) => {
                (None, Vec::new())
            }
        }
    }
}
