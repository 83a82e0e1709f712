/// The text of the library: its parts by subject, joined as they are loaded.
///
/// Its version is made of its text, so that another text is another version whether somebody thinks of it or not.
extension FunctionLibrary {
    /// How calls are written and answered; the first number of the version, which tells people which of two is newer.
    package static let format = 8

    /// The version this binary was built with: the format, and the beginning of the digest of all that is loaded.
    package static let version = "\(format)_\(digest(of: "\(format)\n\(functions)\(registration)").prefix(8))"

    /// The oldest Redis that has functions.
    package static let oldestServer = "7.0"

    /// What the library is called on a server.
    package static let name = "curfew_\(version)"

    /// The function for people, and the library that it is in: they have the same names in all versions.
    package static let overview = (function: RedisFunction.overview.rawValue, library: "curfew")

    /// The text that is loaded.
    package static let source = "#!lua name=\(name)\n\(constants)\(functions)\(registration)"

    /// The text of the library for people.
    package static let overviewSource = text(PackageResources.overview_lua)

    /// The library as a script.
    ///
    /// Dragonfly asks for the first line, because a call to one node of a cluster declares no keys, and has a newer Lua, in
    /// which two words of ours are called otherwise.
    static let script: String = {
        let ourWords = "local unpack, loadstring = unpack or table.unpack, loadstring or load\n"
        let ending = text(PackageResources.script_lua)
        return "--!df flags=allow-undeclared-keys\n\(ourWords)\(constants)\(functions)\(ending)"
    }()

    /// How a server calls the script.
    static let scriptDigest = digest(of: script)

    /// What each call of a commit begins with: who writes it in another way is refused, not misunderstood.
    static let formatWord = "format-\(format)"

    /// What the parts are told of themselves.
    private static let constants = "local FORMAT, VERSION = '\(formatWord)', '\(version)'\n"

    private static let registration = text(PackageResources.register_lua)

    /// The parts, in blocks that have names of their own beside those that all share.
    private static let functions: String = {
        let blocks = [
            [PackageResources.lease_lua], [PackageResources.scan_lua],
            [PackageResources.statement_lua, PackageResources.commit_lua, PackageResources.parts_lua],
        ]
        let joined = blocks.map { "do\n\($0.map(text).joined(separator: "\n"))end\n" }
        return ([text(PackageResources.head_lua)] + joined).joined(separator: "\n") + "\n"
    }()

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
