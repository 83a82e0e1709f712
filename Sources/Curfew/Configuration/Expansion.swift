internal import Foundation
internal import RedisClient

/// Expands a text: `${NAME}` from the environment, `${NAME:-default}` with a default if it is unset or empty,
/// `${file:/run/secrets/name}` with the content of a file, and `$$` to `$`.
///
/// The text and the inserted values are held as ``ByteText``. Inserted values aren't expanded again. Any other `$` is
/// kept.
enum Expansion {
    /// Why a text can't be expanded.
    struct Failure: Error, Equatable {
        let message: String
    }

    /// A part of a text: from the file, or inserted.
    struct Piece {
        var text: String
        var isInserted = false
    }

    /// The expanded text.
    ///
    /// - Parameter isAddress: whether it is an address that may contain a user: see ``UserPart``.
    static func expand(
        _ text: String, _ environment: [String: String], isAddress: Bool = false
    ) throws(Failure) -> String {
        guard text.contains("$") else { return text }
        var pieces = try pieces(of: text, environment)
        if isAddress { UserPart.encode(&pieces) }
        return pieces.map(\.text).joined()
    }

    private static func pieces(of text: String, _ environment: [String: String]) throws(Failure) -> [Piece] {
        var pieces: [Piece] = []
        var own = ""
        var rest = Substring(text)
        while let dollar = rest.firstIndex(of: "$") {
            own += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            if rest.first == "$" {
                own += "$"
                rest = rest.dropFirst()
            } else if rest.first == "{" {
                guard let end = rest.firstIndex(of: "}") else {
                    throw Failure(message: "“${” has no “}”; a plain “$” is written “$$”")
                }
                let found = try value(rest[rest.index(after: rest.startIndex)..<end], environment)
                pieces += [Piece(text: own), Piece(text: found, isInserted: true)]
                own = ""
                rest = rest[rest.index(after: end)...]
            } else {
                own += "$"
            }
        }
        return pieces + [Piece(text: own + rest)]
    }

    private static func value(_ reference: Substring, _ environment: [String: String]) throws(Failure) -> String {
        if reference.hasPrefix("file:") { return try contents(of: String(reference.dropFirst(5))) }
        let name = reference.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        let rest = reference[name.endIndex...]
        guard let first = name.first, !first.isNumber, rest.isEmpty || rest.hasPrefix(":-") else {
            throw Failure(message: "“${\(reference)}” is unreadable, expected ${NAME} or ${NAME:-default}")
        }
        let value = environment[String(name)]?.held
        if !rest.isEmpty { return value.flatMap { $0.isEmpty ? nil : $0 } ?? String(rest.dropFirst(2)) }
        guard let value else {
            throw Failure(message: "the environment variable \(name) is not set; ${\(name):-default} gives a default")
        }
        return value
    }

    /// The most bytes of a secret.
    private static let mostBytes = 64 << 10

    /// The content of a file, without the line break at its end.
    private static func contents(of path: String) throws(Failure) -> String {
        guard path.hasPrefix("/") else {
            throw Failure(
                message: "“${file:\(path)}” is unreadable, expected ${file:/path} with an absolute path")
        }
        var bytes: [UInt8]
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path.readable))
            defer { file.closeFile() }
            bytes = Array(try file.read(upToCount: mostBytes + 1) ?? Data())
        } catch {
            throw Failure(message: "the file \(path) can't be read: \(error.localizedDescription)")
        }
        guard bytes.count <= mostBytes else {
            throw Failure(message: "the file \(path) has more than 64 KiB: expected a secret")
        }
        if bytes.last == 10 { bytes.removeLast() }
        if bytes.last == 13 { bytes.removeLast() }
        return ByteText.held(bytes)
    }
}
