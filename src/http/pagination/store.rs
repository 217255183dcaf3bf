//! What all lists ask the database alike.

/// The query for the [`Boundary`](super::Boundary) of `$candidates`, a query for at most as many as `$most` says, of
/// which `$last` (`min(id)`, where the list goes down) is the key of the last.
macro_rules! select_boundary {
    ($last:literal, $most:literal, $candidates:expr) => {
        concat!(
            "select iif(sum(1) = ",
            $most,
            ", ",
            $last,
            ", null) as boundary
from (
    ",
            $candidates,
            "
)"
        )
    };
}
pub(crate) use select_boundary;
