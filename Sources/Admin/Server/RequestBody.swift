internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import RedisClient

/// The JSON object in a request's body; an unexpected field is refused with its name.
///
/// Unknown, repeated and null fields are refused too: a mistyped `dryRun`, or one that two programs read differently,
/// must not start a run that makes changes.
struct RequestBody: Sendable {
    private let members: [String: Value]

    /// The value of a member.
    private enum Value: Decodable, Sendable {
        case nothing, flag(Bool), integer(Int64), text(String), other

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .nothing
            } else if let flag = Self.value(Bool.self, container) {
                self = .flag(flag)
            } else if let integer = Self.value(Int64.self, container) {
                self = .integer(integer)
            } else if let text = Self.value(String.self, container) {
                self = .text(text)
            } else {
                self = .other
            }
        }

        /// The value if it has this type, otherwise nil.
        private static func value<Kind: Decodable>(
            _ kind: Kind.Type, _ container: any SingleValueDecodingContainer
        ) -> Kind? {
            do {
                return try container.decode(kind)
            } catch {
                return nil
            }
        }

        var noun: String {
            switch self {
            case .nothing: "null"
            case .flag(let flag): "\(flag)"
            case .integer(let integer): "\(integer)"
            case .text: "a text"
            case .other: "something else"
            }
        }
    }

    /// Parses the body of a request; an empty body counts as an empty object.
    init(_ request: Request, known: [String]) async throws {
        let buffer = try await request.body.collect(upTo: AdminContext.mostBytes)
        let data = Data(ByteText.heldJSON(buffer.readableBytesView))
        guard !data.allSatisfy({ [0x20, 0x09, 0x0A, 0x0D].contains($0) }) else {
            members = [:]
            return
        }
        do {
            members = try JSONDecoder().decode([String: Value].self, from: data)
        } catch {
            throw AdminError(.badRequest, "the body is invalid: expected a JSON object")
        }
        var given: Set<String> = []
        for name in try Self.names(in: Array(data)) where !given.insert(name).inserted {
            throw AdminError(.badRequest, "\(name): duplicate field")
        }
        if let other = members.keys.sorted().first(where: { !known.contains($0) }) {
            let names = known.isEmpty ? "no fields" : "one of \(known.joined(separator: ", "))"
            throw AdminError(.badRequest, "\(other): unknown field (expected \(names))")
        }
    }

    /// The names of an object's members, including duplicates.
    ///
    /// - Parameter json: an object that has been parsed before, so that it is well formed.
    private static func names(in json: [UInt8]) throws -> [String] {
        var names: [String] = []
        var depth = 0
        var place = 0
        while place < json.count {
            switch json[place] {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "\""):
                let start = place
                place += 1
                while place < json.count, json[place] != UInt8(ascii: "\"") {
                    place += json[place] == UInt8(ascii: "\\") ? 2 : 1
                }
                let next = json[min(place + 1, json.count)...].first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
                guard depth == 1, next == UInt8(ascii: ":"), place < json.count else { break }
                let list = Data("[".utf8) + Data(json[start...place]) + Data("]".utf8)
                names += try JSONDecoder().decode([String].self, from: list)
            default: break
            }
            place += 1
        }
        return names
    }

    /// `true` or `false`; nil if the field is absent.
    func flag(_ name: String) throws(AdminError) -> Bool? {
        switch members[name] {
        case nil: return nil
        case .flag(let flag): return flag
        case let other?: throw wrong(name, "true or false", other)
        }
    }

    /// A whole number within a range; nil if the field is absent.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(AdminError) -> Int? {
        let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        switch members[name] {
        case nil: return nil
        case .integer(let number):
            guard let integer = Int(exactly: number), range.contains(integer) else {
                throw wrong(name, expected, .integer(number))
            }
            return integer
        case let other?: throw wrong(name, expected, other)
        }
    }

    /// A text of at most that many characters, held as ``ByteText``; nil if the field is absent.
    func text(_ name: String, atMost limit: Int) throws(AdminError) -> String? {
        switch members[name] {
        case nil: return nil
        case .text(let text) where text.readable.unicodeScalars.count <= limit: return text
        case let other?: throw wrong(name, "a text of at most \(limit) characters", other)
        }
    }

    private func wrong(_ name: String, _ expected: String, _ value: Value) -> AdminError {
        AdminError(.badRequest, "\(name): expected \(expected), found \(value.noun)")
    }
}
