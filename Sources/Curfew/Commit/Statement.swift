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
    ///
    /// Each call has its statements, and few changes: so it is written in one go.
    var text: String {
        var json = Text()
        json.add("{\"keys\":\(ownKeys),\"index\":\"\(index.rawValue)\",\"values\":\(values),\"guards\":")
        json.list(guards) { item, json in
            json.add("[\"")
            json.add(item.check.rawValue)
            json.add("\",")
            json.add(item.key.number ?? 0)
            json.add(",")
            json.quote(item.field)
            json.add(",")
            json.quote(item.value)
            json.add(",")
            json.add(item.fieldFrom.number)
            json.add(",")
            json.add(item.valueFrom.number)
            json.add("]")
        }
        json.add(",\"writes\":")
        json.list(writes) { write, json in json.add(write) }
        json.add("}")
        return String(decoding: json.bytes, as: UTF8.self)
    }
}

/// JSON that grows at its end.
private struct Text {
    var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(1_024) }

    mutating func add(_ text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func add(_ number: Int) { add(String(number)) }

    mutating func quote(_ text: String) { JSONText.appendForLua(text, to: &bytes) }

    mutating func list<Item>(_ items: [Item], _ add: (Item, inout Text) -> Void) {
        bytes.append(UInt8(ascii: "["))
        for place in items.indices {
            if place > 0 { bytes.append(UInt8(ascii: ",")) }
            add(items[place], &self)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// A command: its key, its words with nothing where the key and what differs belong, and those places.
    mutating func add(_ write: Statement.Write) {
        add("[")
        add(write.key.number.map(String.init) ?? "false")
        add(",[")
        quote(write.command)
        if write.key != .none { add(",\"\"") }
        var words = write.key == .none ? 1 : 2
        var holes: [(place: Int, source: Int)] = []
        for argument in write.arguments {
            words += 1
            add(",")
            switch argument {
            case .constant(let text): quote(text)
            case .hole(let source):
                add("\"\"")
                holes.append((words, source.number))
            }
        }
        add("],")
        list(holes) { hole, json in
            json.add("[")
            json.add(hole.place)
            json.add(",")
            json.add(hole.source)
            json.add("]")
        }
        add("]")
    }
}
