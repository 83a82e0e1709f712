/// What many changes of one commit call have in common, with holes for what differs.
///
/// A page of stuck jobs is the same three guards and four commands over and over. Sent once, the common part costs
/// nothing per record, neither on the wire nor in Lua; a change then carries only its own keys and values. The format is
/// described at `curfew_commit` in `commit.lua`; `statement.lua` is its other half.
struct Statement: Equatable, Sendable {
    /// What becomes of the change's index entry.
    enum IndexEffect: String, Sendable {
        case remove, score, none
    }

    /// A key of the change itself, by its place among them, or one that all changes of the call share.
    enum Key: Equatable, Sendable {
        case own(Int)
        case shared(SharedKey)
        /// None: a command that is about no key.
        case none

        /// From 0 for its own, from −1 down for those that are shared; nil for none.
        var number: Int? {
            switch self {
            case .own(let number): number
            case .shared(let key): -1 - key.rawValue
            case .none: nil
            }
        }
    }

    /// The keys that all changes of a call share, in the order in which they are passed.
    enum SharedKey: Int, CaseIterable, Codable {
        case index, events, seen, saga
    }

    /// Something that each change brings along: one of its values, by number from 1, or one of its own keys, by number
    /// from −1.
    struct Source: Equatable {
        /// Nothing is brought along.
        static let none = Source(number: 0)
        /// As an argument of a command, the time of the call.
        static let time = Source(number: 0)
        let number: Int
    }

    /// One thing that must still be so.
    struct Guard: Equatable {
        /// What is compared; the names are those of the checks in `statement.lua`.
        enum Check: String, Codable {
            case equals, differs, absent, text, exists, missing, score, listed, unlisted, contains, holds, atmost,
                delivered
            case unread
            case idleConsumer = "idle_consumer"
            case knownHash = "known_hash"
            case knownText = "known_text"
        }
        var check: Check
        var key: Key
        /// The field and the value, where they are the same for all changes.
        var field = ""
        var value = ""
        var fieldFrom = Source.none
        var valueFrom = Source.none
    }

    /// One argument of a command: the same for all changes, or brought along by each.
    enum Argument: Equatable {
        case constant(String)
        case hole(Source)
    }

    /// One Redis command; its key comes right after its name.
    struct Write: Equatable {
        var command: String
        var key: Key
        var arguments: [Argument]
    }

    var ownKeys = 0
    var index: IndexEffect
    var values = 0
    var guards: [Guard] = []
    var writes: [Write] = []

    /// The statement as `curfew_commit` takes it: JSON, because Redis keeps what it has read by its text.
    var text: String {
        var text = "{\"keys\":\(ownKeys),\"index\":\"\(index.rawValue)\",\"values\":\(values),\"guards\":["
        text += guards.map { item in
            "[\"\(item.check.rawValue)\",\(item.key.number ?? 0),\(JSONText.string(item.field)),\(JSONText.string(item.value)),"
                + "\(item.fieldFrom.number),\(item.valueFrom.number)]"
        }.joined(separator: ",")
        text += "],\"writes\":["
        text += writes.map(\.text).joined(separator: ",")
        return text + "]}"
    }
}

extension Statement.Write {
    /// Its key, its words with nothing where the key and what differs belong, and those places.
    fileprivate var text: String {
        var words = [JSONText.string(command)]
        if key != .none { words.append("\"\"") }
        var holes: [String] = []
        for argument in arguments {
            switch argument {
            case .constant(let text): words.append(JSONText.string(text))
            case .hole(let source):
                words.append("\"\"")
                holes.append("[\(words.count),\(source.number)]")
            }
        }
        return
            "[\(key.number.map(String.init) ?? "false"),[\(words.joined(separator: ","))],[\(holes.joined(separator: ","))]]"
    }
}
