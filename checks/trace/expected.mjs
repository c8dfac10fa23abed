// Where TensorFlow.js and ONNX Runtime differ, as the table in the README of @mdiff/trace says: each row of it that the calls here meet.
const ofNaN = new Set(['max', 'min', 'topk', 'argMax', 'argMin', 'sign', 'step']);
const ofNothing = new Set(['argMax', 'argMin']);

const hasNaN = ({ inputs, arguments: given }) =>
  inputs.some(({ data }) => data.some(Number.isNaN)) || [given].flat(Infinity).some((value) => Number.isNaN(value));

/** True for a call whose difference the README names. */
export const expectedDifference = (one) =>
  (ofNaN.has(one.name) && hasNaN(one)) ||
  (one.name === 'topk' && one.arguments.includes(false)) ||
  (ofNothing.has(one.name) && one.inputs.some(({ shape }) => shape.includes(0)));
