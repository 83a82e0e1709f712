/// What the design describes and this version doesn't have yet.
///
/// Such a key is known and not misspelt, so it gets a message of its own. This is the one list of them: whoever builds one
/// of these deletes its row.
enum NotAvailable {
    /// Keys at the top of the file.
    static let sections: Set = ["http", "storage", "webhooks", "routes"]
    /// Kinds of policy.
    static let policies: Set = ["paused", "dependent", "retention", "files"]
    /// Keys of a cleanup.
    static let cleanupKeys: Set = ["guard", "ping"]
    /// Values of a cleanup's `format`.
    static let formats: Set = ["json"]
}
