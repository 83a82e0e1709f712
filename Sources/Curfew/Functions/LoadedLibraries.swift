internal import RedisClient

/// The libraries with Curfew's names on a server.
struct LoadedLibraries: Sendable {
    /// Whether the library of this program is loaded.
    enum Presence: Equatable {
        /// It is loaded, byte for byte.
        case same
        /// It isn't loaded.
        case absent
        /// A library with its name has another text.
        case other
        /// The server lacks functions, with its error.
        case noFunctions(String)
        /// The server refuses to list libraries, with its error.
        case unlisted(String)
    }

    /// One library.
    struct Library: Sendable {
        let name: String
        let text: String
        let functions: [String]
    }

    /// The library of this program.
    let own: Presence
    /// All libraries whose names begin like Curfew's.
    let all: [Library]

    /// The command that lists them.
    static let command = RedisCommand(
        "FUNCTION", ["LIST", "LIBRARYNAME", "curfew*", "WITHCODE"])

    /// Parses the answer.
    init(_ reply: RedisValue) {
        guard reply.error == nil else {
            let text = reply.error?.message ?? ""
            // A server that knows the command but not this subcommand lacks functions too.
            let isUnknown = ["unknown command", "unknown subcommand"].contains { text.lowercased().contains($0) }
            own = isUnknown ? .noFunctions(text) : .unlisted(text)
            all = []
            return
        }
        all = reply.elements.map { library in
            let functions = library.field("functions")?.elements ?? []
            return Library(
                name: library.field("library_name")?.string ?? "", text: library.field("library_code")?.string ?? "",
                functions: functions.compactMap { $0.field("name")?.string })
        }
        let found = all.first { $0.name == FunctionLibrary.name }
        own =
            switch found {
            case nil: .absent
            case let found?: found.holds(FunctionLibrary.source) ? .same : .other
            }
    }

    /// The library of that name.
    subscript(_ name: String) -> Library? { all.first { $0.name == name } }
}

extension LoadedLibraries.Library {
    /// Whether it has this text, byte for byte; a line break at its end, as editors add it, is ignored.
    func holds(_ source: String) -> Bool {
        let (found, expected) = (ByteText.bytes(of: text)[...], Array(source.utf8)[...])
        return Self.trimmed(found) == Self.trimmed(expected)
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        bytes.prefix(through: bytes.lastIndex { $0 != UInt8(ascii: "\n") } ?? bytes.startIndex - 1)
    }
}
