internal import Policies

/// Which keys are the records of a cleanup, and what those are called.
struct RecordNames: Sendable {
    private let cleanup: Cleanup
    private let keys: Keys
    /// The keys that go along with records of any cleanup: they look like records and are none.
    private let companions: [KeyTemplate]

    /// - Parameter all: every cleanup of the configuration.
    init(_ cleanup: Cleanup, among all: [Cleanup], keys: Keys) {
        self.cleanup = cleanup
        self.keys = keys
        companions = all.flatMap(\.policy.companions)
    }

    /// The id of the record at a key; nil where there is none.
    ///
    /// `job:1:log` fits `job:<id>` as well as `job:<id>:log`: the template that leaves less to the id is meant.
    func id(of key: String) -> String? {
        guard let id = cleanup.id(of: key, keys) else { return nil }
        let isCompanion = companions.contains { $0.id(of: key).map { $0.utf8.count < id.utf8.count } ?? false }
        return isCompanion ? nil : id
    }
}
