/// What the design describes and this version doesn't have yet.
///
/// Such a key is known and not misspelt, so it gets a message of its own. This is the one list of them: whoever builds one
/// of these deletes its row.
enum NotAvailable {
    /// Keys at the top of the file.
    static let sections: Set = ["http", "routes"]
}
