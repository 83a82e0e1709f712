internal import RedisClient

/// What a server has loaded under Curfew's names.
struct LoadedLibraries: Sendable {
    /// How the library of this program is there.
    enum Presence: Equatable {
        /// It is there, byte by byte.
        case same
        /// It isn't there.
        case absent
        /// Another text is there under its name.
        case other
        /// The server knows no functions, in its own words.
        case noFunctions(String)
        /// The server doesn't tell, in its own words.
        case untold(String)
    }

    /// One library.
    struct Library: Sendable {
        let name: String
        let text: String
        let functions: [String]
    }

    /// This program's.
    let own: Presence
    /// All whose names begin like Curfew's.
    let all: [Library]

    /// What to ask a server.
    static let command = RedisCommand(
        "FUNCTION", ["LIST", "LIBRARYNAME", "curfew*", "WITHCODE"])

    /// Reads the answer.
    init(_ reply: RedisValue) {
        guard reply.error == nil else {
            let text = reply.error?.message ?? ""
            // Of a server that has the command and not this part of it, nothing can be expected either.
            let isUnknown = ["unknown command", "unknown subcommand"].contains { text.lowercased().contains($0) }
            own = isUnknown ? .noFunctions(text) : .untold(text)
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
    /// Whether it is that text, byte by byte; an end of line more at its end, as an editor leaves it, is none of it.
    func holds(_ source: String) -> Bool {
        let (found, expected) = (ByteText.bytes(of: text)[...], Array(source.utf8)[...])
        return Self.trimmed(found) == Self.trimmed(expected)
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        bytes.prefix(through: bytes.lastIndex { $0 != UInt8(ascii: "\n") } ?? bytes.startIndex - 1)
    }
}
