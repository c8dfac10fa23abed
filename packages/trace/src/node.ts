export { writeOnnx, type OnnxFileOptions } from './onnx/file.js';
export { SavedModelError, loadSaved } from './saved.js';
