//! What isolates have in their hands, so that whoever kills one can say what it hit.

use std::sync::Arc;

use crate::world::World;

/// What is in the hands of an isolate.
#[derive(Clone, Copy, Debug, Default)]
pub struct InHand {
    pub requests: usize,
    pub messages: usize,
    /// Sweeps, and messages on their way to the queue.
    pub chores: usize,
}

/// Which of it.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Request,
    Message,
    Chore,
}

impl InHand {
    fn of(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::Request => &mut self.requests,
            Kind::Message => &mut self.messages,
            Kind::Chore => &mut self.chores,
        }
    }
}

impl World {
    /// Something is in the hands of an isolate until what this returns is dropped.
    pub fn hold(self: &Arc<Self>, isolate: usize, kind: Kind) -> Held {
        *self.state().in_hand[isolate].of(kind) += 1;
        Held {
            world: self.clone(),
            isolate,
            kind,
        }
    }
}

/// Something in the hands of an isolate.
pub struct Held {
    world: Arc<World>,
    isolate: usize,
    kind: Kind,
}

impl Drop for Held {
    fn drop(&mut self) {
        *self.world.state().in_hand[self.isolate].of(self.kind) -= 1;
    }
}
