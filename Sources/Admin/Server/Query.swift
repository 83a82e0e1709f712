internal import Curfew
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Policies

/// The query parameters of a request.
struct Query {
    private let parameters: [(name: String, value: String)]

    /// Parses the parameters; throws 400 if one is unknown.
    init(_ request: Request, known: [String]) throws(AdminError) {
        parameters = PercentText.pairs(request.uri.query ?? "")
        for (name, _) in parameters where !known.contains(name) {
            let names = known.isEmpty ? "none" : "one of \(known.joined(separator: ", "))"
            throw AdminError(.badRequest, "\(name): unknown parameter (expected \(names))")
        }
    }

    /// A text, held as ``ByteText``; nil if the parameter is absent.
    func text(_ name: String) -> String? {
        parameters.first { $0.name == name }?.value
    }

    /// `true` or `false`; nil if the parameter is absent.
    func flag(_ name: String) throws(AdminError) -> Bool? {
        guard let text = text(name) else { return nil }
        guard let flag = Bool(text) else {
            throw AdminError(.badRequest, "\(name): expected true or false, found “\(text)”")
        }
        return flag
    }

    /// A whole number within a range; nil if the parameter is absent.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(AdminError) -> Int? {
        guard let text = text(name) else { return nil }
        let isPlain = text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard isPlain, let number = Int(text), range.contains(number) else {
            throw AdminError(
                .badRequest,
                "\(name): expected a whole number from \(range.lowerBound) to \(range.upperBound), found “\(text)”")
        }
        return number
    }

    /// A duration with a unit (`10m`, `+2h`), at most ten years; nil if the parameter is absent.
    func duration(_ name: String) throws(AdminError) -> Duration? {
        guard let text = text(name) else { return nil }
        // An unencoded plus sign in a query means a space.
        let plain = text.drop { $0 == "+" || $0 == " " }
        guard let duration = Duration(text: String(plain)), duration > .zero, duration < .seconds(3_650 * 86_400) else {
            throw AdminError(.badRequest, "\(name): expected a duration like 10m or 2h, found “\(text)”")
        }
        return duration
    }

    /// The `limit` and `cursor` of a list.
    func part() throws(AdminError) -> AdminService.Part {
        let limit = try integer("limit", in: 1...AdminService.mostListed) ?? 50
        guard let cursor = text("cursor") else { return .init(limit: limit) }
        guard cursor.wholeMatch(of: /[0-9]{1,19}-[0-9]{1,19}/) != nil else {
            throw AdminError(.badRequest, "cursor: expected the “next” value of an earlier page, found “\(cursor)”")
        }
        return .init(limit: limit, cursor: cursor)
    }
}
