internal import Curfew
internal import Foundation
internal import HTTPTypes
internal import RedisClient

/// The form that runs exactly what a preview has shown: a plan, carried by the page.
struct PlanForm: Sendable {
    /// The most bytes of a plan in a form; a form has room for more.
    private static let mostBytes = 48 << 10

    /// The plan, as the form carries it.
    let text: String
    /// How many changes it has, of how many that the preview found.
    let count: Int, total: Int
    /// Whether its changes take records away.
    let removes: Bool

    /// Carries as much of a plan as fits; nil if it has no changes.
    init?(_ plan: Plan, removes: Bool) throws {
        guard !plan.records.isEmpty else { return nil }
        var plan = plan
        var text = try plan.data().base64EncodedString()
        while text.utf8.count > Self.mostBytes, plan.records.count > 1 {
            plan.records.removeLast(plan.records.count / 2)
            text = try plan.data().base64EncodedString()
        }
        (self.text, count, total, self.removes) = (text, plan.records.count, plan.total, removes)
    }

    /// The plan in a form; throws 400 if it is none for this cleanup.
    static func plan(_ form: FormBody, for cleanup: Cleanup) throws -> Plan {
        guard let data = Data(base64Encoded: form["plan"] ?? "") else {
            throw AdminError(.badRequest, "plan: expected the plan of a preview page")
        }
        return try Plan(data, file: "the plan", for: cleanup)
    }

    /// The form.
    func html(_ cleanup: String, _ viewer: Page.Viewer) -> HTML {
        let changes = count == 1 ? "this change" : "these \(Wording.number(count)) changes"
        return Form(
            action: Link.cleanup(cleanup, "plan"), button: "Run exactly \(changes)", look: "main",
            question: removes ? "Run exactly \(changes) of \(cleanup)? Records are removed." : nil
        ).html(viewer) {
            HTML.hidden(name: "plan", value: text)
            HTML.element("p", ["class": "note"]) {
                "Records that change in the meantime are left alone."
                if total > count {
                    " These are the first \(Wording.number(count)) of \(Wording.number(total)) changes."
                }
            }
        }
    }
}
