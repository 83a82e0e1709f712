/// Shows at a record, in its slot, that the first part of a change was made, and by which page of which run.
///
/// A field of a hash of our own, `curfew:pending:<run>:{<record>}`: a record that is removed, is JSON or is a plain string
/// has no field for it, an application that rewrites its records loses none of it, and the memory layout of a hash stays
/// as it is.
///
///     absent ─ the record's part is made ─► made, unpaid ─ everything else is made ─► absent
///       │                                      └──────── the same, by a later run ─► closed ─ expires
///       └──────── a later run found that the part was not made ────────────────────► closed ─ expires
///
/// A mark that is there is never overwritten by the first part, so `closed` also stops whoever was frozen before it.
struct SagaMark: Sendable, Equatable {
    /// What a mark says.
    enum State: String {
        /// The record's part is made; what is left is in the plan of the page.
        case made
        /// The same, where the refund in the record's own slot turned out to be paid already.
        case unpaid
        /// Nothing is to be done any more.
        case closed
    }

    /// The hash.
    let key: String
    /// The field: the lease and the number of the page.
    let page: String
    /// What is written.
    var state = State.made
}
