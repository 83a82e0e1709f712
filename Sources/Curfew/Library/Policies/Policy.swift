/// A rule of your own: it looks at a record and gives a verdict.
///
/// A policy is a value without I/O, clock or randomness: what it knows of the world is the record, the answers to what it
/// asked, and the time that it is handed. So a preview is the same code with the commit left out, and the same record at
/// the same time always gets the same verdict. Curfew reads the records, asks Redis what the policy wants to know, checks
/// that what was read is still so, carries the changes out in one commit each, writes their events, and can undo them.
///
/// A program names its policies where it reads its configuration, and the file names them like those that are built in:
///
/// ```yaml
/// cleanups:
///   carts: {policy: abandoned-cart, every: 10m, records: "cart:<id>", idle: 2h}
/// ```
///
/// What goes wrong stays small. A policy that throws, asks too often, changes what it hasn't declared, or wants a change
/// without guards makes the error of that record; the others go on. A verdict that doesn't come back within a tenth of the
/// cleanup's `run-timeout` (at least a second) is an error too, and ends the run with one; it keeps the thread that it runs
/// on, so that the cleanup's further runs fail at once until it comes back or the program is started anew. A run that is to
/// stop doesn't wait for it.
///
/// ``verdict(on:at:)`` is called on a thread of Curfew's, one for each cleanup. The other members are read once for each
/// configuration that is read.
public protocol Policy: Sendable {
    /// The word behind `policy:`, such as `abandoned-cart`: up to 64 lowercase letters, digits and `-`.
    ///
    /// It must differ from the names of the built-in policies and of the program's others.
    static var name: String { get }

    /// The keys that a cleanup may have for this policy, beside those of every cleanup; none unless said.
    static var keys: [String] { get }

    /// Reads the policy from its cleanup in the configuration.
    ///
    /// Returns nil where a key has a problem that `section` has reported: read every key before that, so that all problems
    /// are reported at once. What is thrown is reported as the problem of the whole section.
    init?(reading section: PolicySection) throws

    /// What it does, in words, for `config check` and the dashboard: `empties carts that nobody touched for 2h`.
    var meaning: String { get }

    /// What it looks at; the fields and keys that ``writes`` and ``refund`` name are included.
    var reads: [PolicyRead] { get }

    /// What its changes write; nothing unless said.
    var writes: [PolicyWrite] { get }

    /// What its changes may pay back; nothing unless said.
    var refund: PolicyRefund? { get }

    /// How long a record may take: when an index that Curfew keeps shows a new one as due, and what `--timeout` replaces.
    ///
    /// An hour unless said; more than zero.
    var timeout: Duration { get }

    /// What should become of a record that is there; one that is gone is dropped without asking.
    ///
    /// Throws what is wrong with the record: it is listed as an error and left as it is.
    func verdict(on record: PolicyRecord, at now: PolicyTime) throws -> PolicyVerdict
}

extension Policy {
    /// None.
    public static var keys: [String] { [] }

    /// Its name, and no more.
    public var meaning: String { "applies the policy \(Self.name)" }

    /// Nothing.
    public var writes: [PolicyWrite] { [] }

    /// Nothing.
    public var refund: PolicyRefund? { nil }

    /// An hour.
    public var timeout: Duration { .seconds(3_600) }
}

/// What is wrong with a record, a template or a policy, in words: what was found, and what was expected.
public struct PolicyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The words.
    public let message: String

    /// Makes the error with that message; one of more than 500 bytes is cut where it is shown.
    public init(_ message: String) {
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
