internal import CHiredis

/// The memory of replies that arrived together.
///
/// `@unchecked Sendable`: the C code hands over the whole tape and keeps no pointer to it; from then on it is never
/// written.
final class RedisTape: @unchecked Sendable {
    private let tape: UnsafeMutablePointer<curfew_tape>
    private let nodes: UnsafePointer<curfew_node>

    /// Adopts a tape, which is freed with this object.
    ///
    /// The tape has at least one node.
    init(adopting tape: UnsafeMutablePointer<curfew_tape>) {
        self.tape = tape
        nodes = UnsafePointer(tape.pointee.nodes)
    }

    deinit {
        curfew_tape_free(tape)
    }

    subscript(_ index: Int) -> curfew_node { nodes[index] }

    /// The bytes of the string or error at an index.
    func withBytes<Result>(at index: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        let node = nodes[index]
        guard node.length > 0 else { return body(UnsafeBufferPointer(start: nil, count: 0)) }
        return body(UnsafeBufferPointer(start: tape.pointee.arena + Int(node.value), count: Int(node.length)))
    }

    /// The number of complete replies.
    var rootCount: Int { tape.pointee.root_count }

    /// A complete reply, in order of arrival.
    func root(_ position: Int) -> RedisValue {
        RedisValue(tape: self, index: Int(tape.pointee.roots[position]))
    }

    /// The complete replies, in order of arrival.
    var roots: [RedisValue] { (0..<rootCount).map { root($0) } }

    /// A tape with a single null.
    static let oneNull: RedisTape = {
        let reader = RESPReader(byteLimit: 64, elementLimit: 1)
        guard let tape = reader.read("$-1\r\n".utf8).tape else { preconditionFailure("a null is a whole reply") }
        return tape
    }()
}
