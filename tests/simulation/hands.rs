//! What isolates have in their hands, so that whoever kills one can say what it hit.

use std::sync::Arc;

use crate::world::World;

/// What is in the hands of an isolate.
#[derive(Clone, Copy, Debug, Default)]
pub struct InHand {
    pub requests: usize,
    pub messages: usize,
}

impl World {
    /// A request is in the hands of an isolate until what this returns is dropped.
    pub fn hold_request(self: &Arc<Self>, isolate: usize) -> Held {
        self.hold(isolate, |in_hand| &mut in_hand.requests)
    }

    /// As [`World::hold_request`], for a message.
    pub fn hold_message(self: &Arc<Self>, isolate: usize) -> Held {
        self.hold(isolate, |in_hand| &mut in_hand.messages)
    }

    fn hold(self: &Arc<Self>, isolate: usize, which: fn(&mut InHand) -> &mut usize) -> Held {
        *which(&mut self.state().in_hand[isolate]) += 1;
        Held {
            world: self.clone(),
            isolate,
            which,
        }
    }
}

/// Something in the hands of an isolate.
pub struct Held {
    world: Arc<World>,
    isolate: usize,
    which: fn(&mut InHand) -> &mut usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        *(self.which)(&mut self.world.state().in_hand[self.isolate]) -= 1;
    }
}
