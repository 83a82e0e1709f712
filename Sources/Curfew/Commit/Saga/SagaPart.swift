internal import Policies
internal import RedisClient

/// Those changes of a page whose records are on one node: they are made in one call, under one mark.
struct SagaPart: Sendable {
    let mark: SagaMark
    /// The field of the mark, never used before.
    let field: String
    /// The places of its changes in the page.
    let places: [Int]
    /// The node; nil for a change that goes alone to whoever has its slot.
    let node: RedisClient.Node?
    /// Whether all of its changes only remove or free, and are made also where the node has no memory left.
    var isBrief = false

    /// What the field ends with that says which of the changes were not made.
    static let omittedSuffix = "/omitted"

    /// The field that says which of the changes were not made, by their numbers from 1; not there where all were.
    var omitted: String { field + Self.omittedSuffix }

    /// The places that were made, as it was noted.
    func made(omitting text: String?) -> [Int] { Self.made(of: places, omitting: text) }

    /// Those of a list that were made: all but the numbers from 1 in the text, and all from one on that has a `+`.
    static func made<Element>(of list: [Element], omitting text: String?) -> [Element] {
        var omitted: Set<Int> = []
        for word in (text ?? "").split(separator: " ") {
            guard let number = Int(word.filter(\.isNumber)) else { continue }
            omitted.formUnion(word.hasSuffix("+") ? number...max(number, list.count) : number...number)
        }
        return list.indices.filter { !omitted.contains($0 + 1) }.map { list[$0] }
    }
}
