internal import Policies

/// Which keys are the records of a cleanup, and their ids.
struct RecordNames: Sendable {
    private let cleanup: Cleanup
    private let keys: Keys
    /// The keys that belong to records of any cleanup: they look like records but aren't.
    private let companions: [KeyTemplate]

    /// - Parameter all: every cleanup of the configuration.
    init(_ cleanup: Cleanup, among all: [Cleanup], keys: Keys) {
        self.cleanup = cleanup
        self.keys = keys
        companions = all.flatMap(\.companions)
    }

    /// The id of the record at a key; nil if there is none.
    ///
    /// `job:1:log` matches `job:<id>` as well as `job:<id>:log`: the template that leaves less to the id counts.
    func id(of key: String) -> String? {
        guard let id = cleanup.id(of: key, keys) else { return nil }
        if let source = cleanup.source, let whole = source.gaps(of: key)?["id"] {
            let isCompanion = companions.contains { template in
                template.gaps(of: key)?["id"].map { $0.utf8.count < whole.utf8.count } ?? false
            }
            return isCompanion ? nil : id
        }
        let isCompanion = companions.contains { $0.id(of: key).map { $0.utf8.count < id.utf8.count } ?? false }
        return isCompanion ? nil : id
    }
}
