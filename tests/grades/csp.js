// What CSP Evaluator finds in a policy, as JSON: the lower the severity, the worse (HIGH is 10).
import { CspEvaluator } from "csp_evaluator";
import { CspParser } from "csp_evaluator/dist/parser.js";

console.log(JSON.stringify(new CspEvaluator(new CspParser(process.argv[2]).csp).evaluate()));
